"""Whether a rollout fits: refused with the figures, only where what is known shows it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.room import kept_free, megabytes
from fairlead.desired.model import Desired
from fairlead.manifest.model import BlueGreen, Recreate, Role, Rolling, Strategy
from fairlead.plan.effect import effect, hope
from fairlead.plan.explain import explain
from fairlead.plan.model import Halted, Observed, Room, Settled, Stage, Waiting, Wave
from fairlead.plan.next_wave import backs_up, next_wave
from fairlead.plan.room import beside, figures
from fairlead.plan.unfold import unfold
from fairlead.plan.view import View
from properties import worlds
from properties.test_planner import leave_alone

MB = 1024**2
ROLES = (
    Role("web", "serve {socket}", copies=2, health="/h"),
    Role("work", "work", copies=3),
)
WEB = ROLES[:1]
replace = msgspec.structs.replace


def serving(
    strategy: Strategy, roles: tuple[Role, ...] = ROLES, each: int | None = 190 * MB
) -> tuple[Desired, Observed]:
    """Release 2 wanted where release 1 serves, each of its copies of so many bytes."""
    one, two = worlds.release(1, roles, "a"), worlds.release(2, roles, "b")
    seen, _ = leave_alone(worlds.desired(one, strategy, "rev-1"), Observed(1_000.0))
    copies = tuple(replace(copy, memory=each) for copy in seen.copies)
    return worlds.desired(two, strategy, "rev-2", 1), replace(seen, copies=copies)


def sentence(wanted: Desired, seen: Observed) -> str:
    """Why it does not fit; "" when the rollout begins."""
    decision = next_wave(wanted, seen)
    return decision.sentence if isinstance(decision, Halted) else ""


def test_the_sentence_of_the_design() -> None:
    """Which copies need how much beside what runs, what is there, and the ways out."""
    wanted, seen = serving(BlueGreen())
    assert sentence(wanted, replace(seen, room=Room(memory=210 * MB))) == (
        "Release 2 does not fit: 2 copies of web need 380 MB of memory beside what runs, "
        "210 MB are available and 32 MB of it stay free: "
        'lower copies, or strategy = "recreate".'
    )


@pytest.mark.parametrize(
    ("strategy", "needs"), [(BlueGreen(), 380), (Rolling(surge=1), 190), (Recreate(), 0)]
)
def test_a_strategy_needs_room_for_what_it_runs_beside(strategy: Strategy, needs: int) -> None:
    """Workers end before new ones start, so they need none. 32 MB stay free."""
    wanted, seen = serving(strategy)
    enough = needs + 32 if needs else 0
    assert not sentence(wanted, replace(seen, room=Room(memory=enough * MB)))
    if needs:
        assert sentence(wanted, replace(seen, room=Room(memory=(enough - 1) * MB)))


def test_a_first_release_claims_what_its_manifest_says() -> None:
    """And nothing where it says nothing: not known never blocks."""
    said = (Role("web", "x {socket}", copies=2, health="/h", memory=200 * MB), *ROLES[1:])
    little = Observed(1_000.0, room=Room(memory=100 * MB))
    first = worlds.desired(worlds.release(1, said), BlueGreen(), "rev-1")
    assert "2 copies of web need 400 MB of memory, 100 MB" in sentence(first, little)
    silent = worlds.desired(worlds.release(1, ROLES), BlueGreen(), "rev-1")
    assert not sentence(silent, little)


def test_what_was_measured_goes_before_the_manifest_and_never_past_its_limit() -> None:
    """A copy that uses 40 MB of its 200 needs 40; one cannot use more than its limit."""
    said = (Role("web", "x {socket}", copies=2, health="/h", memory=100 * MB),)
    wanted, seen = serving(BlueGreen(), said, 40 * MB)
    assert not sentence(wanted, replace(seen, room=Room(memory=112 * MB)))
    wanted, seen = serving(BlueGreen(), said, 190 * MB)
    assert "need 200 MB" in sentence(wanted, replace(seen, room=Room(memory=0)))


def test_what_is_known_of_some_refuses_though_others_are_not_known() -> None:
    """The least that it needs is more than the most that there can be."""
    more = (*WEB, Role("api", "y {socket}", health="/h"))
    wanted, seen = serving(BlueGreen(), more)
    copies = tuple(c if c.id.role == "web" else replace(c, memory=None) for c in seen.copies)
    seen = replace(seen, copies=copies, room=Room(memory=300 * MB))
    assert "2 copies of web need 380 MB" in sentence(wanted, seen)
    assert figures(View(wanted, seen), backs_up=False).endswith(
        "not known: disk, the memory of api"
    )


def test_copies_that_nobody_goes_back_to_give_their_memory_back_first() -> None:
    """A held release that is two behind is stopped before new copies start."""
    wanted, seen = serving(BlueGreen(), WEB)
    old = tuple(replace(c, id=c.id._replace(release=9)) for c in seen.copies)
    seen = replace(seen, copies=(*seen.copies, *old), room=Room(memory=40 * MB))
    assert not sentence(wanted, seen)


def test_a_backup_must_fit_on_the_disk() -> None:
    """With what stays free: 256 MB, and of a small disk a twentieth."""
    wanted, seen = serving(BlueGreen(), WEB)
    there = Room(disk=1_000 * MB, disk_size=20_000 * MB)
    assert not sentence(wanted, replace(seen, room=there, backup=744 * MB))
    said = sentence(wanted, replace(seen, room=there, backup=745 * MB))
    assert "the backup before its migration needs 745 MB and 256 MB stay free" in said
    assert "1,000 MB are free on the disk" in said
    assert not sentence(wanted, replace(seen, room=there, backup=None))
    assert kept_free(48 * MB) == 48 * MB // 20


def test_a_disk_that_is_full_or_holds_no_more_files_refuses() -> None:
    """Though nothing is to be backed up."""
    wanted, seen = serving(Recreate(), WEB)
    assert "256 MB stay free, 255 MB are free on the disk" in sentence(
        wanted, replace(seen, room=Room(disk=255 * MB, disk_size=20_000 * MB))
    )
    full = replace(seen, room=Room(files=999))
    assert "the disk can hold 999 more files, 1,000 stay free" in sentence(wanted, full)


def test_a_return_and_a_rollout_that_began_are_not_refused() -> None:
    """There is nothing better to go to; and room that got less on the way stops nothing."""
    wanted, seen = serving(BlueGreen(), WEB)
    none = Room(memory=0, disk=0, disk_size=20_000 * MB, files=0)
    back = replace(wanted, how="return")
    assert not sentence(back, replace(seen, room=none))
    first = next_wave(wanted, seen)
    while isinstance(first, Wave) and first.stage < Stage.BACKUP:
        for step in first.steps:
            seen = effect(step, seen, wanted)
        first = next_wave(wanted, seen)
    assert isinstance(first, Wave)
    seen = effect(first.steps[0], seen, wanted)
    assert not sentence(wanted, replace(seen, room=none))


def test_a_plan_shows_it() -> None:
    """As the end of a plan of no waves, and as figures where it fits."""
    wanted, seen = serving(BlueGreen(), WEB)
    little = replace(seen, room=Room(memory=10 * MB))
    assert unfold(wanted, little).waves == ()
    said = explain(unfold(wanted, little))[0]
    assert said.startswith("Nothing can be done for river/local. Release 2 does not fit")
    there = replace(seen, room=Room(memory=2_100 * MB, disk=9_000 * MB), backup=3 * MB)
    assert figures(View(wanted, there), backs_up=True) == (
        "2 copies of web need 380 MB of memory beside what runs; "
        "the backup needs at most 3 MB; 2,100 MB of memory are free; 9,000 MB of disk are free"
    )
    assert figures(View(wanted, replace(there, backup=None)), backs_up=True).endswith(
        "not known: the size of the database"
    )


@given(worlds.role_sets(), worlds.strategies, worlds.role_sets())
def test_no_more_copies_run_at_once_than_was_counted(
    roles: tuple[Role, ...], strategy: Strategy, before: tuple[Role, ...]
) -> None:
    """Of every role, on the way from any release to any other: the count is the peak."""
    old, new = worlds.release(1, before, "a"), worlds.release(2, roles, "a")
    seen, _ = leave_alone(worlds.desired(old, strategy, "rev-1"), Observed(1_000.0))
    wanted = worlds.desired(new, strategy, "rev-2", 1)
    view = View(wanted, seen)
    most = {r.name: len(view.others(r)) + beside(view, r) for r in view.roles.values()}
    for _ in range(200):
        decision = next_wave(wanted, seen)
        for step in decision.steps if isinstance(decision, Wave) else ():
            seen = effect(step, seen, wanted)
            for name, count in most.items():
                assert sum(c.id.role == name for c in seen.copies) <= count, name
        if isinstance(decision, Waiting):
            seen = replace(hope(seen, wanted), now=max(seen.now, decision.until))
        elif isinstance(decision, Settled):
            return
    raise AssertionError("it does not settle")


ROOMS = st.builds(
    Room,
    memory=st.none() | st.integers(0, 400 * MB),
    disk=st.none() | st.integers(0, 600 * MB),
    disk_size=st.just(10_000 * MB),
    files=st.none() | st.integers(0, 2_000),
)


@given(worlds.role_sets(), worlds.strategies, ROOMS, st.none() | st.integers(0, 300 * MB))
def test_it_is_refused_whole_or_goes_as_if_nobody_had_measured(
    roles: tuple[Role, ...], strategy: Strategy, there: Room, backup: int | None
) -> None:
    """Whatever the room, a refused rollout has no step; any other is the same plan."""
    wanted, seen = serving(strategy, roles, 60 * MB)
    plain, found = unfold(wanted, seen), unfold(wanted, replace(seen, room=there, backup=backup))
    refused = isinstance(found.ends, Halted) and "does not fit" in found.ends.sentence
    assert found.waves == (() if refused else plain.waves)
    assert backs_up(View(wanted, seen))


def test_bytes_are_said_as_people_say_them() -> None:
    """None is not little."""
    assert [megabytes(n) for n in (0, 100, MB, 1_900 * MB)] == [
        "0 MB",
        "0.1 MB",
        "1 MB",
        "1,900 MB",
    ]
