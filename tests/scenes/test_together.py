"""Several at once: two pushers, and a push while a rollout is under way."""

from fairlead.base.journal import Outcome, Verb
from fairlead.record.flow import unclosed
from scenes.house import House, until


def test_two_pushes_at_once_have_one_order_and_no_mix(house: House):
    """Two clones push different commits to one branch in the same instant.

    git lets one of them move the ref; the other is told so. What serves is the one that won,
    whole, and both are in the record.
    """
    one = house.app("race", copies=2)
    one.released()
    two = one.clone_again()
    commits = one.change("one", check_seconds=1), two.change("two", check_seconds=1)
    with one.users(), one.pushing() as first, two.pushing() as second:
        said = [process.communicate(timeout=100)[0] for process in (first, second)]
        codes = [first.returncode, second.returncode]
        assert sorted(codes) == [0, 1], said
        won = commits[codes.index(0)]
        assert one.head() == won
        one.serves(2)
        one.settled()
    release = house.tools.world.releases.get("race", 2)
    assert release is not None
    assert release.artifact.commit == won
    running = house.tools.world.runtime.processes(one.place)
    assert {p.copy.release for p in running} <= {1, 2}
    until(lambda: not _open_pushes(house), "both pushes are written down to their end")
    ends = {e.text("commit"): e.outcome for e in house.entries("race", Verb.PUSH)}
    lost = commits[1 - codes.index(0)]
    assert (ends[won], ends[lost]) == (Outcome.DONE, Outcome.REFUSED)


def _open_pushes(house: House) -> bool:
    return any(e.verb == Verb.PUSH for e in unclosed(house.tools.store))


def test_a_newer_push_overtakes_the_rollout_under_way(house: House):
    """The older rollout ends, is told so, and leaves nothing; the newer one serves."""
    app = house.app("queue")
    app.released()
    with app.users():
        app.change("slow to start", boot=20)
        with app.pushing() as first:
            until(lambda: _rolling(house, 2), "the rollout of release 2 began")
            app.change("the one after")
            app.released()
            said, _ = first.communicate(timeout=100)
        assert first.returncode == 0, said
        assert "overtaken" in said
        app.serves(3)
        app.settled()
        until(lambda: not any("release 2" in name for name in app.pids()), "release 2 is gone")
    rollouts = house.entries("queue", Verb.ROLLOUT)[-2:]
    assert [(e.release, e.outcome) for e in rollouts] == [(2, Outcome.FAILED), (3, Outcome.DONE)]
    assert rollouts[0].text("reason") == "overtaken"


def _rolling(house: House, number: int) -> bool:
    return any(
        (e.verb, e.app, e.release) == (Verb.ROLLOUT, "queue", number)
        for e in unclosed(house.tools.store)
    )
