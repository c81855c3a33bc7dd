"""A rollout that cannot fit is refused before its first step, and the record says the figures."""

import pytest

from fairlead.base.journal import Outcome, Verb
from fairlead.manifest.model import BlueGreen
from fairlead.plan.model import Halted, Room
from fairlead.record.flow import read
from fairlead.rollout.look import look
from rollout.agent import bring
from rollout.memory_world import DATABASE, PLACE, WEB, MemoryWorld, desired, release

MB = 1024**2


@pytest.fixture
def world() -> MemoryWorld:
    """Release 1 serves; each of its copies uses 190 MB, and 210 are left."""
    made = MemoryWorld()
    one = desired(made.publish(release(1, WEB)), BlueGreen(hold=0))
    bring(made.process(), one)
    made.capacity.here, made.capacity.each = Room(memory=210 * MB), 190 * MB
    return made


def test_nothing_is_started_and_what_serves_serves_on(world: MemoryWorld) -> None:
    """No step, no file, no mark but the rollout's own."""
    before, laid, seen = world.running(), list(world.files.laid_out), len(read(world.store, 0, 999))
    two = desired(world.publish(release(2, WEB)), BlueGreen(), previous=1)
    ended = bring(world.process(), two)
    assert isinstance(ended, Halted)
    assert "2 copies of web need 380 MB of memory beside what runs, 210 MB" in ended.sentence
    assert (world.running(), world.files.laid_out, world.serving()) == (before, laid, {1})
    told = read(world.store, 0, 999)[seen:]
    assert [e.verb for e in told if e.verb is not Verb.LEASE] == [Verb.ROLLOUT, Verb.ROLLOUT]
    assert (told[-1].outcome, told[-1].why) == (Outcome.FAILED, ended.sentence)


def test_going_back_from_it_settles_though_there_is_no_room(world: MemoryWorld) -> None:
    """Nothing was started, so nothing is to be done."""
    two = desired(world.publish(release(2, WEB)), BlueGreen(), previous=1)
    bring(world.process(), two)
    back = desired(release(1, WEB), BlueGreen(hold=0), previous=2, how="return")
    assert not isinstance(bring(world.process(), back), Halted)
    assert world.serving() == {1}


def test_with_room_again_the_same_release_rolls_out(world: MemoryWorld) -> None:
    """Asked for anew."""
    two = desired(world.publish(release(2, WEB)), BlueGreen(hold=0), previous=1)
    bring(world.process(), two)
    world.capacity.here = Room(memory=900 * MB)
    again = desired(two.release, BlueGreen(hold=0), previous=1, revision="again")
    assert not isinstance(bring(world.process(), again), Halted)
    assert world.serving() == {2}


def test_it_is_measured_until_the_first_step_and_not_after(world: MemoryWorld) -> None:
    """The database's size too, where a migration comes with it."""
    two = desired(world.publish(release(2, WEB)), BlueGreen(hold=0), previous=1)
    seen = look(world.process(), PLACE, two)
    assert seen.backup == world.backups.size(DATABASE)
    assert seen.room == world.capacity.here
    assert {copy.memory for copy in seen.copies} == {190 * MB}
    world.capacity.here = Room()
    bring(world.process(), two)
    after = look(world.process(), PLACE, two)
    assert (after.room, after.backup, {copy.memory for copy in after.copies}) == (
        None,
        None,
        {None},
    )
