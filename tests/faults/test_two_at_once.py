"""One rollout at a time per place: the second waits outside, a stale holder is fenced off."""

from threading import Event, Thread

import pytest

from fairlead.base.errors import Busy, FairleadError, Refused
from fairlead.manifest.model import BlueGreen
from fairlead.plan.model import Job, JobKind, JobState, Settled
from fairlead.rollout.cycle import Rollout
from fairlead.rollout.flow import roll_out
from fairlead.rollout.lease import Holding
from faults.seam import AFTER, EFFECTS, Killed, Seam
from faults.story import is_whole, record_is_sound, serving_one
from rollout.agent import bring
from rollout.memory_world import PLACE


def test_two_at_once() -> None:
    """While one works, the other is told by whom, since when and why, and changes nothing."""
    world, wanted = serving_one(BlueGreen(hold=0))
    inside, go = Event(), Event()
    first, second = Seam(world), Seam(world)

    def stop_at_the_switch(name: str) -> None:
        if name == "proxy.put" and not inside.is_set():
            inside.set()
            assert go.wait(10)

    first.hooks.append(stop_at_the_switch)
    endings: list[object] = []
    worker = Thread(
        target=lambda: endings.append(roll_out(world.process(first.wrap), wanted, "anna", ""))
    )
    worker.start()
    assert inside.wait(10)
    with pytest.raises(Busy) as busy:
        roll_out(world.process(second.wrap), wanted, "ben", "")
    go.set()
    worker.join(10)
    assert "held by anna since" in busy.value.what
    assert "rollout of release 2" in busy.value.what
    assert second.calls == ["leases.take"]
    assert [type(ending).__name__ for ending in endings] == ["Ending"]
    assert isinstance(bring(world.process(), wanted), Settled)
    assert is_whole(world, 2)
    record_is_sound(world)


def test_the_token_of_a_killed_holder_is_fenced() -> None:
    """Whatever the dead still had in hand is refused once somebody carried on."""
    world, wanted = serving_one(BlueGreen(hold=0))
    seam = Seam(world, at=60, when=AFTER)
    with pytest.raises(Killed):
        roll_out(world.process(seam.wrap), wanted, "agent-1", "")
    stale = world.leases.newest(PLACE)
    world.dead.add("agent-1")
    assert isinstance(bring(world.process(), wanted, "agent-2"), Settled)
    late = Job(JobKind.DONE, 2, wanted.revision, JobState.FAILED, world.clock.now())
    with pytest.raises(Refused, match="the lease was lost"):
        world.marks.put_job(PLACE, late, stale)


def test_a_holder_that_slept_past_its_lease_does_nothing() -> None:
    """A process that was stopped wakes up: it asks before it acts, and is told that it lost."""
    world, wanted = serving_one(BlueGreen(hold=0))
    seam = Seam(world)
    sleeper = world.process(seam.wrap)
    with Holding(sleeper.leases, sleeper.clock, PLACE, "sleeper", "a rollout") as holding:
        rollout = Rollout(sleeper, PLACE, wanted, holding)
        rollout.cycle()
        world.clock.sleep(60)
        assert isinstance(bring(world.process(), wanted, "agent-2"), Settled)
        before = len(seam.calls)
        world.runtime.stop(PLACE, next(iter(world.running())))  # so that there is work to do
        world.clock.sleep(1)
        with pytest.raises(Refused, match="the lease was lost"):
            rollout.cycle()
    assert EFFECTS.isdisjoint(seam.calls[before:])


@pytest.mark.parametrize("error", [FairleadError, Refused])
def test_a_stale_lease_says_whom_it_was_taken_from(error: type[FairleadError]) -> None:
    """A takeover is explained, also when giving the lease back had failed."""
    world, wanted = serving_one(BlueGreen(hold=0))
    seam = Seam(world)
    seam.hooks.append(lambda name: _refuse(name == "leases.release", error))
    with pytest.raises(error):
        roll_out(world.process(seam.wrap), wanted, "agent-1", "")
    world.dead.add("agent-1")
    held = world.leases.take(PLACE, "agent-2", "tending", world.clock.now())
    assert "agent-1 since" in held.taken_from
    assert "its process is gone" in held.taken_from


def _refuse(now: bool, error: type[FairleadError]) -> None:
    if now:
        raise error("no", "it is a test")
