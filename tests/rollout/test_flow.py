"""A rollout on the memory drivers: what it does, in which order, and how it ends."""

import pytest

from fairlead.base.journal import Outcome, Verb
from fairlead.manifest.model import BlueGreen, Canary, Role, Rolling, Strategy
from fairlead.plan.model import CopyId, EndStray, Halted, Route, SetRoute, Settled, Start
from fairlead.record.flow import read
from fairlead.rollout.cycle import may_unasked
from fairlead.rollout.flow import PATIENCE, is_done, roll_out, state_of, tend
from rollout.agent import bring, empty
from rollout.memory_world import (
    LISTEN,
    PLACE,
    WEB,
    Behaviour,
    MemoryWorld,
    desired,
    release,
)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


def steps(world: MemoryWorld, number: int) -> list[str]:
    """The steps of a release that were done, as the record tells them."""
    return [
        str(entry.facts["step"])
        for entry in read(world.store, limit=10_000)
        if (entry.verb, entry.outcome, entry.release) == (Verb.STEP, Outcome.DONE, number)
    ]


def test_the_order_inside_a_release(world: MemoryWorld) -> None:
    """Lay out, back up, migrate, core, try, switch, workers, smoke, done: promises 1 and 3."""
    wanted = desired(world.publish(release(1)))
    ending = roll_out(world.process(), wanted, "agent", "sha256:plan")
    assert ending.serves
    told = list(dict.fromkeys(steps(world, 1)))
    assert told == ["prepare", "backup", "migrate", "start", "try", "route", "smoke", "done"]
    assert world.marks.read(PLACE).schema == wanted.release.artifact.schema
    assert is_done(world.process(), wanted)


def test_the_rollout_has_an_entry_of_its_own(world: MemoryWorld) -> None:
    """Its intent names the plan and the token, its outcome how long it took and what was asked."""
    roll_out(world.process(), desired(world.publish(release(1))), "agent", "sha256:plan")
    begun, ended = (e for e in read(world.store, limit=1_000) if e.verb == Verb.ROLLOUT)
    assert (begun.facts["plan"], begun.facts["token"]) == ("sha256:plan", 1)
    assert ended.intent == begun.seq
    assert ended.facts["milliseconds"] > 0
    assert (ended.facts["requests"], ended.facts["failed"]) == (2, 0)  # its own smoke checks


def test_nothing_to_do_does_nothing(world: MemoryWorld) -> None:
    """A settled place gets no entry, however often it is looked at (promise 7)."""
    wanted = desired(world.publish(release(1)), BlueGreen(hold=0))
    bring(world.process(), wanted)
    before = len(world.store.rows)
    for _ in range(5):
        assert isinstance(tend(world.process(), PLACE, wanted, "agent"), Settled)
    assert len(world.store.rows) == before


def test_a_deadline_halts_and_is_remembered(world: MemoryWorld) -> None:
    """A copy that never answers ends the rollout, and its mark keeps the sentence."""
    wanted = desired(world.publish(release(1), Behaviour(boots=1e9)))
    ending = roll_out(world.process(), wanted, "agent", "")
    assert isinstance(ending.decision, Halted)
    mark = state_of(world.process(), wanted)
    assert mark is not None
    assert mark.detail == ending.decision.sentence
    assert "was not ready within 20 s" in mark.detail


def test_a_failed_try_leaves_the_rest_of_its_wave(world: MemoryWorld) -> None:
    """Two roles are tried in one wave; after the first no, nothing is asked or switched."""
    two = (
        Role("web", "serve {socket}", health="/healthz"),
        Role("api", "serve {socket}", health="/healthz"),
    )
    wanted = desired(world.publish(release(1, two), Behaviour(page=500)))
    assert not roll_out(world.process(), wanted, "agent", "").serves
    failed = [e for e in read(world.store, limit=1_000) if e.outcome == Outcome.FAILED]
    assert [entry.facts.get("role") for entry in failed] == ["api", None]
    assert not world.serving()


def test_a_world_that_never_answers_is_given_up_for_now(world: MemoryWorld) -> None:
    """Not known is waited out for a minute, then said; the mark stays, so it is carried on."""
    wanted = desired(world.publish(release(1)), BlueGreen(hold=0))
    world.runtime.down = True
    began = world.clock.now()
    with pytest.raises(Exception, match="set to be down"):
        roll_out(world.process(), wanted, "agent", "")
    assert world.clock.now() - began >= PATIENCE
    world.runtime.down = False
    assert isinstance(bring(world.process(), wanted), Settled)


def test_carried_on_after_done_it_is_over(world: MemoryWorld) -> None:
    """Killed between its last step and its outcome: the next process writes the outcome, even
    while a copy of the release is down and would keep it waiting."""
    wanted = desired(world.publish(release(1)), BlueGreen(hold=0))

    class KilledError(BaseException):
        pass

    process = world.process()
    write = world.record.write

    def last(event: object) -> int:
        if event.verb is Verb.ROLLOUT and event.outcome is Outcome.DONE:
            raise KilledError
        return write(event)

    world.record.write = last  # type: ignore[method-assign]  the process dies here
    with pytest.raises(KilledError):
        roll_out(process, wanted, "agent-1", "")
    world.record.write = write  # type: ignore[method-assign]
    world.behaviours[1] = Behaviour(crashes=("work",))
    world.clock.sleep(5)
    assert roll_out(world.process(), wanted, "agent-2", "").serves


def test_a_dead_copy_is_started_again_unasked(world: MemoryWorld) -> None:
    """Nobody has to ask for what keeps the release serving."""
    wanted = desired(world.publish(release(1, WEB)), BlueGreen(hold=0))
    bring(world.process(), wanted)
    world.runtime.stop(PLACE, CopyId(1, "web", 1))
    world.clock.sleep(1)
    bring(world.process(), wanted)
    assert set(world.running()) == {CopyId(1, "web", 1), CopyId(1, "web", 2)}


def test_drift_is_shown_and_not_touched_unasked(world: MemoryWorld) -> None:
    """Strays, edited routes and changed files wait for somebody to ask."""
    stray, route = EndStray(4), Route("web", (), 0.0, edited="another print")
    assert not may_unasked(stray, ())
    assert not may_unasked(SetRoute("web", ()), (route,))
    assert may_unasked(SetRoute("web", ()), ())
    assert may_unasked(Start(CopyId(1, "web", 1)), (route,))
    wanted = desired(world.publish(release(1, WEB)), BlueGreen(hold=0))
    bring(world.process(), wanted)
    pid = world.runtime.add_stray(PLACE)
    assert isinstance(tend(world.process(), PLACE, wanted, "agent"), Settled)  # it rests so
    assert world.runtime.strays(PLACE) == (pid,)
    tend(world.process(), PLACE, wanted, "agent", asked=True)
    assert world.runtime.strays(PLACE) == ()


@pytest.mark.parametrize("strategy", [BlueGreen(hold=60), Canary((50,), bake=1, hold=60)])
def test_going_back_to_a_held_side_starts_nothing(world: MemoryWorld, strategy: Strategy) -> None:
    """It is one switch, and its migration does not run again."""
    process = world.process()
    one, two = (world.publish(release(number, WEB)) for number in (1, 2))
    bring(process, desired(one, BlueGreen(hold=0)))
    roll_out(process, desired(two, strategy, previous=1), "agent", "")
    before = len(steps(world, 1))
    back = desired(one, strategy, previous=2, how="rollback")
    assert roll_out(process, back, "agent", "").serves
    assert steps(world, 1)[before:] == ["route", "smoke", "done"]
    assert world.serving() == {1}


def test_assets_of_the_release_before_stay(world: MemoryWorld) -> None:
    """A page served just before the switch finds its files for as long as the manifest says."""
    process = world.process()
    one, two = (world.publish(release(number, WEB)) for number in (1, 2))
    bring(process, desired(one, Rolling()))
    bring(process, desired(two, Rolling(), previous=1))
    (seen,) = world.proxy.sites(PLACE)
    assert [root.directory for root in seen.site.assets] == ["/store/2/static", "/store/1/static"]
    world.clock.sleep(200)
    three = world.publish(release(3, WEB))
    bring(process, desired(three, Rolling(), previous=2))
    (seen,) = world.proxy.sites(PLACE)
    assert [root.directory for root in seen.site.assets] == ["/store/3/static", "/store/2/static"]


def test_a_copy_that_is_handed_a_socket_has_its_files_shown_first(world: MemoryWorld) -> None:
    """The route stays while the copy is replaced, and by the time the new one starts the files
    that its pages name are found: requests that waited are its own at once."""
    handed = (Role("web", "serve {fd}", health="/healthz", ready=20, stop=10, socket=True),)
    one, two = (world.publish(release(number, handed)) for number in (1, 2))
    bring(world.process(), desired(one))
    shown: list[tuple[list[int], list[str]]] = []

    class Watching:
        def __init__(self, port: object) -> None:
            self.port = port

        def __getattr__(self, name: str) -> object:
            if name == "start":
                (seen,) = world.proxy.sites(PLACE)
                routed = [upstream.copy.release for upstream in seen.site.upstreams]
                shown.append((routed, [root.directory for root in seen.site.assets]))
            return getattr(self.port, name)

    watched = world.process(lambda name, port: Watching(port) if name == "runtime" else port)
    assert roll_out(watched, desired(two, previous=1), "agent", "").serves
    assert shown == [([1], ["/store/2/static", "/store/1/static"])]
    told = [step for step in steps(world, 2) if step in ("stop", "start", "route")]
    assert told == ["stop", "start", "route"]
    assert world.serving() == {2}


def test_a_place_where_nothing_is_wanted_empties(world: MemoryWorld) -> None:
    """Turned away, drained, stopped, forgotten."""
    bring(world.process(), desired(world.publish(release(1)), BlueGreen(hold=0)))
    assert world.http.get(LISTEN, "/", 1).status == 200
    empty(world.process())
    assert not world.running()
    assert world.http.get(LISTEN, "/", 1).status == 503
