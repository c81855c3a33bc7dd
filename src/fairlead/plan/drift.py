"""Drift: a plan that nobody asked for, told as the things that are not as they should be."""

import msgspec

from fairlead.desired.model import Desired
from fairlead.plan.effect import effect, hope
from fairlead.plan.explain import phrase
from fairlead.plan.model import (
    CopyState,
    EndStray,
    Observed,
    Restore,
    Route,
    SetRoute,
    Start,
    Step,
    Waiting,
    Wave,
)
from fairlead.plan.next_wave import next_wave


class Item(msgspec.Struct, frozen=True):
    """One thing that is not as it should be: its kind, what it is, and what would mend it.

    ``mark`` names exactly this change, so that it can be adopted; "" for what cannot be.
    """

    kind: str
    what: str
    mend: str
    mark: str = ""


def drift(wanted: Desired, seen: Observed) -> tuple[Item, ...]:
    """What is not as wanted in a place whose rollout is over; () when nothing is.

    Copies that the runtime is restarting count, and so does what waits for its turn
    behind something else: the world is taken as it would be once that is mended.
    """
    found = list(_down(wanted, seen))
    for route in seen.routes:
        if route.edited:
            what = f"the route of {route.role} was changed by somebody else"
            mend = f"route {route.role} as release {wanted.release.number} has it"
            found.append(Item("route", what, mend, route_mark(route)))
    for step in _steps(wanted, seen):
        item = _item(step, seen)
        if item:
            found.append(item)
    return tuple(found)


def route_mark(route: Route) -> str:
    """Names one edit of a route."""
    return f"route {route.role} {route.edited}"


def stray_mark(pid: int) -> str:
    """Names one stray process."""
    return f"process {pid}"


def _down(wanted: Desired, seen: Observed) -> list[Item]:
    down = (CopyState.CRASHED, CopyState.WRONG, CopyState.UNKNOWN)
    return [
        Item("copy", f"{copy.id} is {copy.state}{_tail(copy.detail)}", "it is started again")
        for copy in seen.copies
        if copy.id.release == wanted.release.number and copy.state in down
    ]


def _tail(detail: str) -> str:
    return f" ({detail})" if detail else ""


def _steps(wanted: Desired, seen: Observed) -> list[Step]:
    """Every step of the plan that a settled place should not have."""
    steps: list[Step] = []
    for _ in range(20):
        decision = next_wave(wanted, seen)
        if isinstance(decision, Wave):
            steps.extend(decision.steps)
            seen = _done(wanted, seen, decision)
        elif isinstance(decision, Waiting) and hope(seen, wanted) != seen:
            seen = hope(seen, wanted)
        else:
            break
    return steps


def _done(wanted: Desired, seen: Observed, wave: Wave) -> Observed:
    for step in wave.steps:
        seen = effect(step, seen, wanted)
    return seen


def _item(step: Step, seen: Observed) -> Item | None:
    match step:
        case SetRoute(role=role) if seen.route(role) is None:
            return Item("route", f"the route of {role} is not there", phrase(step))
        case Start(copy=copy):
            return Item("copy", f"{copy} is not there", phrase(step))
        case Restore(release=number):
            return Item(
                "files", f"the files of release {number} are not what was built", phrase(step)
            )
        case EndStray(pid=pid):
            what = f"process {pid} carries our mark, and nobody started it"
            return Item("process", what, phrase(step), stray_mark(pid))
        case SetRoute():
            return None  # follows from what is told already
    return Item("other", phrase(step), phrase(step))
