"""Drift: what is not as wanted in a place whose rollout is over, and what would mend it."""

import msgspec
import pytest

from fairlead.manifest.model import BlueGreen, Role
from fairlead.plan.drift import Item, drift, route_mark, stray_mark
from fairlead.plan.model import CopyState, Observed
from properties import worlds
from properties.test_planner import leave_alone

replace = msgspec.structs.replace
WANTED = worlds.desired(
    worlds.release(1, (Role("web", "serve", copies=2, health="/h"), Role("work", "work"))),
    BlueGreen(),
    "revision-1",
)


@pytest.fixture
def seen() -> Observed:
    return leave_alone(WANTED, Observed(1_000.0))[0]


def test_a_settled_place_has_none(seen: Observed) -> None:
    """Nothing to show is an empty tuple."""
    assert drift(WANTED, seen) == ()


def test_a_copy_that_is_gone(seen: Observed) -> None:
    """It is named, and starting it would mend it; the route that follows is no drift of its own."""
    found = drift(WANTED, replace(seen, copies=seen.copies[1:]))
    assert found == (Item("copy", "web.1 of release 1 is not there", "start web.1 of release 1"),)


def test_a_copy_that_is_down(seen: Observed) -> None:
    """One that the runtime restarts counts while it is down."""
    down = replace(seen.copies[0], state=CopyState.CRASHED, crashes=1, detail="exit 1")
    (item,) = drift(WANTED, replace(seen, copies=(down, *seen.copies[1:])))
    assert item == Item("copy", "web.1 of release 1 is crashed (exit 1)", "it is started again")


def test_an_edited_route_can_be_adopted(seen: Observed) -> None:
    """Its mark names exactly that edit: another one has another."""
    edited = replace(seen.routes[0], edited="print-1")
    (item,) = drift(WANTED, replace(seen, routes=(edited,)))
    assert (item.kind, item.mark) == ("route", "route web print-1")
    assert route_mark(replace(edited, edited="print-2")) != item.mark


def test_changed_files_and_strays_are_found_together(seen: Observed) -> None:
    """Also what waits for its turn behind something else."""
    found = drift(WANTED, replace(seen, damaged=(1,), strays=(77,)))
    assert {(item.kind, item.mark) for item in found} == {
        ("files", ""),
        ("process", stray_mark(77)),
    }
