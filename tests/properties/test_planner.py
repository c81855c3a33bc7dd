"""The planner keeps its promises in every world, and settles whatever happens in between.

A run starts in an empty place, wants one release after another, and lets fate move the
world between any two steps: copies crash, vanish, answer wrongly; jobs fail or are lost;
people edit routes and files; the rollout is cut in the middle of a wave; a step is
refused; the wanted release changes in mid-flight. Every step that is carried out is
asked every property of ``promises``.
"""

import msgspec
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from fairlead.desired.model import Desired, Release
from fairlead.manifest.model import BlueGreen, Canary, Recreate, Rolling
from fairlead.plan.effect import effect, hope
from fairlead.plan.model import (
    CopyState,
    Halted,
    Health,
    Job,
    JobKind,
    JobState,
    Observed,
    Settled,
    Smoke,
    Stage,
    Try,
    Waiting,
    Wave,
)
from fairlead.plan.next_wave import next_wave, schema_past
from fairlead.plan.retire import retire
from fairlead.plan.unfold import unfold
from properties import promises, worlds

replace = msgspec.structs.replace

ENOUGH = 400
"""Decisions within which a world that is left alone must settle or halt."""


def carry_out(wanted: Desired, seen: Observed, wave: Wave, cut: int, fails: bool) -> Observed:
    """Do the first ``cut`` steps of a wave, asking every promise; smoke may answer no, and
    then the rest of the wave is left, as the rollout leaves it."""
    for step in wave.steps[:cut]:
        promises.check(wanted, seen, step)
        done = effect(step, seen, wanted)
        if fails and isinstance(step, Try | Smoke):
            job = replace(done.jobs[-1], state=JobState.FAILED, detail="no")
            return replace(done, jobs=(*done.jobs[:-1], job))
        seen = done
    return seen


def turned_over(seen: Observed) -> Observed:
    """The same world, told in the opposite order."""
    return replace(
        seen,
        copies=seen.copies[::-1],
        routes=seen.routes[::-1],
        jobs=seen.jobs[::-1],
        prepared=seen.prepared[::-1],
        strays=seen.strays[::-1],
    )


def stuck(before: Observed, after: Observed) -> Observed:
    """Requests that were open stay open, whatever else goes well."""
    open_ = {copy.id: copy.in_flight for copy in before.copies}
    kept = tuple(replace(c, in_flight=open_.get(c.id, c.in_flight)) for c in after.copies)
    return replace(after, copies=kept)


def leave_alone(
    wanted: Desired, seen: Observed, ending: bool = True, verdict: Health = Health.HEALTHY
) -> tuple[Observed, Settled | Halted]:
    """Let everything under way go well until it settles or halts.

    Not ``ending``: but requests that are open never end. ``verdict`` is what is said of a canary.
    """
    seen = replace(seen, canary=verdict)
    for _ in range(ENOUGH):
        decision = next_wave(wanted, seen)
        match decision:
            case Wave():
                seen = carry_out(wanted, seen, decision, len(decision.steps), fails=False)
            case Waiting(until=until):
                now = max(seen.now, until) + 0.1
                later = replace(hope(seen, wanted), now=now, canary=verdict)
                seen = later if ending else stuck(seen, later)
            case _:
                return seen, decision
    raise promises.Broken(f"settles: not within {ENOUGH} decisions\n{wanted}\n{seen}")


def live_through(
    wanted: Desired,
    seen: Observed,
    fate: list[worlds.Move],
    cuts: list[int],
    calm: Health | None = None,
) -> Observed:
    """Decide, act in part, and let fate move the world, for as long as fate lasts.

    A ``calm`` life is left alone after that, with this verdict on a canary, so that what comes
    next finds a whole release, or one that halted.
    """
    for turn, what in enumerate(fate):
        decision = next_wave(wanted, seen)
        if next_wave(wanted, seen) != decision:
            raise promises.Broken(f"same_input_same_decision: {decision}")
        if next_wave(wanted, turned_over(seen)) != decision:
            raise promises.Broken(f"order_does_not_matter: {decision}")
        if isinstance(decision, Wave):
            cut = cuts[turn % len(cuts)] if cuts else 99
            seen = carry_out(wanted, seen, decision, cut, fails=what.kind == "job-fails")
        seen = worlds.move(seen, wanted, what)
    return leave_alone(wanted, seen, verdict=calm)[0] if calm else seen


Life = list[tuple[Desired, list[worlds.Move], list[int], Health | None]]


CALMS = (None, None, None, Health.HEALTHY, Health.HEALTHY, Health.NOT_KNOWN)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Up to four wanted revisions, each with its fate, where its waves are cut, and whether it
    comes to rest."""
    roles = draw(worlds.role_sets())
    later_roles = draw(st.one_of(st.just(roles), worlds.role_sets()))
    life, previous = [], 0
    for turn in range(draw(st.integers(1, 5))):
        number = draw(st.sampled_from([1, 1, 1, 2, 2, 2, 3, 3, 4]))
        of = _release(number, roles if number < 3 else later_roles)
        how = draw(st.sampled_from(["release", "release", "rollback", "return"]))
        strategy = draw(worlds.strategies)
        wanted = worlds.desired(of, strategy, f"rev-{turn}", previous, how)
        fate = draw(st.lists(worlds.moves, max_size=25))
        cuts = draw(st.lists(st.sampled_from([0, 1, 2, 99]), max_size=5))
        life.append((wanted, fate, cuts, draw(st.sampled_from(CALMS))))
        previous = number
    return life


def _release(number: int, roles: tuple) -> Release:
    """Release 2 expands the schema, release 4 contracts it."""
    schema = {1: "a", 2: "b", 3: "b", 4: "c"}[number]
    return worlds.release(number, roles, schema, ("drop",) if number == 4 else ())


@given(lives())
def test_every_promise_holds_and_it_settles(life):
    """Whatever happens, no step breaks a promise, and a world left alone settles or halts."""
    seen = Observed(1_000.0)
    for wanted, fate, cuts, calm in life:
        seen = live_through(wanted, seen, fate, cuts, calm)
    seen, ending = leave_alone(wanted, seen)
    note(f"{ending}")
    if isinstance(ending, Settled):
        settled_is_whole(wanted, seen)
        released_after_its_time(wanted, seen, ending)


def settled_is_whole(wanted: Desired, seen: Observed) -> None:
    """Settled means: every role whole, nothing else but a held side, and an empty plan."""
    for role in wanted.release.manifest.roles:
        if not promises.is_whole(wanted, seen, role):
            raise promises.Broken(f"settled_is_whole: {role.name}\n{seen}")
    others = {c.id.release for c in seen.copies} - {wanted.release.number, wanted.previous}
    roles = {role.name: role for role in wanted.release.manifest.roles}
    serving = {role.name for role in roles.values() if role.serves}
    extra = [
        copy.id
        for copy in seen.copies
        if copy.id.release == wanted.release.number and copy.id.number > roles[copy.id.role].copies
    ]
    if others or extra or seen.strays or {route.role for route in seen.routes} - serving:
        raise promises.Broken(f"nothing_else_runs: {seen}")
    if wanted.release.number in seen.damaged or any(route.edited for route in seen.routes):
        raise promises.Broken(f"settled_is_mended: {seen}")
    again = unfold(wanted, seen)
    if again.waves or not isinstance(again.ends, Settled):
        raise promises.Broken(f"settled_plan_is_empty: {again}")


def released_after_its_time(wanted: Desired, seen: Observed, ending: Settled) -> None:
    """A held side is stopped when its time is over: then one release runs, and nothing is due."""
    seen, ending = leave_alone(wanted, replace(seen, now=max(seen.now, ending.again_at)))
    if not isinstance(ending, Settled) or ending.again_at:
        raise promises.Broken(f"settled_is_released: {ending}\n{seen}")
    if {copy.id.release for copy in seen.copies} != {wanted.release.number}:
        raise promises.Broken(f"settled_is_released: {seen}")


@given(lives())
def test_a_request_that_never_ends_holds_nothing_up(life):
    """The drain limit ends the waiting for requests that do not end by themselves."""
    seen = Observed(1_000.0)
    for wanted, fate, cuts, calm in life:
        seen = live_through(wanted, seen, fate, cuts, calm)
    seen, ending = leave_alone(wanted, seen, ending=False)
    if isinstance(ending, Settled):
        settled_is_whole(wanted, seen)


@given(lives(), st.lists(worlds.moves, max_size=15))
def test_a_return_makes_the_release_before_whole(life, fate):
    """Halted, then reverted: the release that served before serves whole again."""
    wanted, _, _, _ = life[0]
    seen, first = leave_alone(wanted, Observed(1_000.0))
    assert isinstance(first, Settled)
    roles = wanted.release.manifest.roles
    newer = worlds.release(2, roles, "b")
    trying = worlds.desired(newer, wanted.strategy, "rev-new", wanted.release.number)
    if wanted.release.number == newer.number:
        return
    seen = live_through(trying, seen, fate, [])
    back = worlds.desired(wanted.release, wanted.strategy, "rev-back", 2, "return")
    seen, ending = leave_alone(back, seen)
    if not isinstance(ending, Settled):
        raise promises.Broken(f"a_return_settles: {ending}\n{seen}")
    settled_is_whole(back, seen)
    if {copy.id.release for copy in seen.copies} != {wanted.release.number}:
        raise promises.Broken(f"nothing_of_the_failed_release_is_left: {seen}")


@given(lives(), st.lists(worlds.moves, max_size=20))
def test_a_place_where_nothing_is_wanted_empties(life, fate):
    """Retiring ends with no route and no copy, from any state, and drops no request."""
    seen = Observed(1_000.0)
    for wanted, moved, cuts, calm in life:
        seen = live_through(wanted, seen, moved, cuts, calm)
    for _ in range(ENOUGH):
        decision = retire(seen)
        if retire(turned_over(seen)) != decision:
            raise promises.Broken(f"order_does_not_matter: {decision}")
        if isinstance(decision, Settled):
            break
        if isinstance(decision, Wave):
            for step in decision.steps:
                if promises.retired_only_when_drained(seen, step) is False:
                    raise promises.Broken(f"retired_only_when_drained: {step}\n{seen}")
                seen = effect(step, seen, wanted)
        else:
            until = decision.until if isinstance(decision, Waiting) else 0.0
            seen = stuck(seen, replace(hope(seen, wanted), now=max(seen.now, until)))
    assert not seen.copies
    assert not seen.routes
    assert not seen.strays


@given(lives())
def test_a_plan_is_the_same_whenever_it_is_asked_for(life):
    """The digest depends on what is to be done, not on the time of day."""
    wanted, _, _, _ = life[-1]
    now, later = Observed(1_000.0), Observed(99_000.0)
    assert unfold(wanted, now).digest == unfold(wanted, later).digest
    newer = worlds.release(5, wanted.release.manifest.roles, "c", ("drop",))
    after = worlds.desired(newer, BlueGreen(hold=300), "rev-after", wanted.release.number)
    seen, _ = leave_alone(wanted, now)
    much_later = replace(seen, now=seen.now + 5_000)
    assert unfold(after, seen).digest == unfold(after, much_later).digest


@given(lives())
def test_another_plan_has_another_digest(life):
    """An approval of one plan is none of another: other release, other content, other steps."""
    wanted, _, _, _ = life[0]
    plan = unfold(wanted, Observed(1_000.0))
    renumbered = replace(wanted, release=replace(wanted.release, number=99))
    assert unfold(renumbered, Observed(1_000.0)).digest != plan.digest
    other = replace(wanted.release.artifact, digest=worlds.Digest(f"sha256:{77:064x}"))
    changed = replace(wanted, release=replace(wanted.release, artifact=other))
    assert unfold(changed, Observed(1_000.0)).digest != plan.digest
    prepared = Observed(1_000.0, prepared=(wanted.release.number,))
    assert unfold(wanted, prepared).digest != plan.digest


@pytest.mark.parametrize("strategy", [Rolling(), BlueGreen(), Recreate()])
def test_a_copy_that_never_becomes_ready_halts(strategy):
    """A deadline ends the waiting, with a sentence that names the copy."""
    roles = (worlds.Role("web", "x", health="/h"),)
    wanted = worlds.desired(worlds.release(1, roles), strategy, "rev-1")
    seen = Observed(1_000.0)
    for _ in range(ENOUGH):
        decision = next_wave(wanted, seen)
        if isinstance(decision, Wave):
            for step in decision.steps:
                seen = effect(step, seen, wanted)
        elif isinstance(decision, Waiting):
            done = tuple(replace(job, state=JobState.SUCCEEDED) for job in seen.jobs)
            seen = replace(seen, now=max(seen.now + 1, decision.until), jobs=done)
        else:
            break
    assert isinstance(decision, Halted)
    assert "web.1 of release 1 was not ready within 60 s" in decision.sentence


def test_a_contracted_schema_refuses_the_older_release():
    """Promise 11: the planner is the last to say no, and says which migration."""
    roles = (worlds.Role("web", "x", health="/h"),)
    newer = worlds.release(4, roles, "c", ("drop",))
    seen, ending = leave_alone(worlds.desired(newer, BlueGreen(), "rev-4"), Observed(1_000.0))
    assert isinstance(ending, Settled)
    older = worlds.desired(worlds.release(1, roles, "a"), BlueGreen(), "rev-5", 4, "rollback")
    decision = next_wave(older, replace(seen, prepared=(1, 4)))
    assert isinstance(decision, Halted)
    assert "drop ran" in decision.sentence
    assert schema_past(older.release, seen.schema) == ("drop",)


def test_going_back_to_a_held_side_is_a_switch():
    """While the old side is held, going back starts nothing and asks nothing first."""
    roles = (worlds.Role("web", "x", copies=2, health="/h"),)
    seen = Observed(1_000.0)
    one, two = worlds.release(1, roles), worlds.release(2, roles)
    for turn, (of, previous) in enumerate([(one, 0), (two, 1)]):
        seen, _ = leave_alone(worlds.desired(of, BlueGreen(), f"rev-{turn}", previous), seen)
    back = worlds.desired(one, BlueGreen(), "rev-back", 2, "rollback")
    first = next_wave(back, seen)
    assert isinstance(first, Wave)
    assert [type(step).__name__ for step in first.steps] == ["SetRoute"]


ONE_WEB = (worlds.Role("web", "x", health="/h"),)


@pytest.mark.parametrize(
    ("health", "sentence"),
    [
        (Health.UNHEALTHY, "web: release 2 at 10 % is unhealthy."),
        (Health.NOT_KNOWN, "web: nobody can say whether release 2 at 10 % is healthy."),
    ],
)
def test_a_canary_that_is_not_found_healthy_halts(health, sentence):
    """Unhealthy halts at once; not known, once patience is over. Neither advances."""
    seen, _ = leave_alone(
        worlds.desired(worlds.release(1, ONE_WEB), BlueGreen(), "rev-1"), Observed(1_000.0)
    )
    wanted = worlds.desired(worlds.release(2, ONE_WEB), Canary(), "rev-2", 1)
    for _ in range(ENOUGH):
        decision = next_wave(wanted, seen)
        if isinstance(decision, Wave):
            seen = carry_out(wanted, seen, decision, 99, fails=False)
        elif isinstance(decision, Waiting):
            now = max(seen.now, decision.until)
            seen = replace(hope(seen, wanted), now=now, canary=health)
        else:
            break
    assert decision == Halted(Stage.CORE, sentence)


def test_a_lost_migration_is_run_again_and_never_read_as_done():
    """Not known is not success."""
    roles = (worlds.Role("web", "x", health="/h"),)
    wanted = worlds.desired(worlds.release(1, roles), BlueGreen(), "rev-1")
    lost = Job(JobKind.MIGRATE, 1, "rev-1", JobState.LOST, 1_000.0)
    backup = Job(JobKind.BACKUP, 1, "rev-1", JobState.SUCCEEDED, 999.0)
    decision = next_wave(wanted, Observed(1_001.0, jobs=(lost, backup), prepared=(1,)))
    assert isinstance(decision, Wave)
    assert [type(step).__name__ for step in decision.steps] == ["Migrate"]


def test_a_crashed_copy_of_a_done_release_leaves_the_route():
    """Traffic goes to the copies that are left, and nothing halts."""
    roles = (worlds.Role("web", "x", copies=2, health="/h"),)
    wanted = worlds.desired(worlds.release(1, roles), BlueGreen(), "rev-1")
    seen, _ = leave_alone(wanted, Observed(1_000.0))
    dead = replace(seen.copies[0], state=CopyState.CRASHED, crashes=1)
    decision = next_wave(wanted, replace(seen, copies=(dead, seen.copies[1])))
    assert isinstance(decision, Wave)
    assert decision.steps[0].shares == ((seen.copies[1].id, 1),)


@pytest.mark.parametrize("gave_up", [False, True])
def test_nothing_starts_again_from_changed_files(gave_up):
    """In a release that is done as well: a copy that is missing, or was given up on, waits for
    the files to be put back."""
    wanted = worlds.desired(worlds.release(1, ONE_WEB), BlueGreen(), "rev-1")
    seen, _ = leave_alone(wanted, Observed(1_000.0))
    dead = replace(seen.copies[0], state=CopyState.CRASHED, crashes=4, gave_up=True)
    copies = (dead,) if gave_up else ()
    decision = next_wave(wanted, replace(seen, now=9_000.0, copies=copies, damaged=(1,)))
    assert isinstance(decision, Wave)
    assert [type(step).__name__ for step in decision.steps] == ["Restore"]


def test_a_return_does_not_halt_on_crashes_from_before():
    """On the way back there is nothing better to go to: a copy that is down is waited for."""
    one, two = worlds.release(1, ONE_WEB, "a"), worlds.release(2, ONE_WEB, "a")
    seen, _ = leave_alone(worlds.desired(one, BlueGreen(), "rev-1"), Observed(1_000.0))
    trying = worlds.desired(two, BlueGreen(), "rev-2", 1)
    first = next_wave(trying, seen)
    assert isinstance(first, Wave)
    seen = carry_out(trying, seen, first, 99, fails=False)
    down = replace(seen.copies[0], state=CopyState.CRASHED, crashes=7)
    back = worlds.desired(one, BlueGreen(), "rev-3", 2, "return")
    assert isinstance(next_wave(back, replace(seen, copies=(down,))), Waiting)
    assert isinstance(leave_alone(back, replace(seen, copies=(down,)))[1], Settled)


def test_a_copy_that_hangs_is_ended_and_started_again():
    """A process that runs and gives no answer is no copy that serves; one that answers 503 is
    left alone, for a restart would not mend what it waits for."""
    roles = (worlds.Role("web", "x", copies=2, health="/h"),)
    wanted = worlds.desired(worlds.release(1, roles), BlueGreen(), "rev-1")
    seen, _ = leave_alone(wanted, Observed(1_000.0))
    first, second = seen.copies
    shares = seen.routes[0].shares[1:]
    alone = replace(seen.routes[0], shares=shares)
    hung = replace(first, state=CopyState.STARTING, silent_since=seen.now - 60)
    decision = next_wave(wanted, replace(seen, copies=(hung, second), routes=(alone,)))
    assert isinstance(decision, Wave)
    assert [(type(s).__name__, s.copy) for s in decision.steps] == [("Stop", first.id)]
    busy = replace(first, state=CopyState.STARTING, since=seen.now - 600)
    decision = next_wave(wanted, replace(seen, copies=(busy, second), routes=(alone,)))
    assert isinstance(decision, Waiting)
