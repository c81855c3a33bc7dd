"""The way out of a place: nothing is wanted there any more."""

from fairlead.plan.model import (
    Copy,
    CopyState,
    Decision,
    DropRoute,
    EndStray,
    Observed,
    SetRoute,
    Settled,
    Stage,
    Stop,
    Waiting,
    Wave,
)
from fairlead.plan.view import DRAIN_DEFAULT

WHY = "no release is desired here"


def retire(seen: Observed) -> Decision:
    """The next decision for a place where no release is desired.

    Requests are turned away first, those in flight end, then copies are stopped: promise 2
    holds on the way out as well. Routes go last, because they know since when they are empty.
    """
    return (
        _turn_away(seen)
        or _stop(seen)
        or _forget(seen)
        or Settled("Nothing is desired here, and nothing runs.")
    )


def _turn_away(seen: Observed) -> Decision | None:
    serving = sorted(route.role for route in seen.routes if route.shares)
    steps = tuple(SetRoute(role, (), WHY) for role in serving)
    return Wave(Stage.DONE, steps, f"Stop serving: {WHY}.") if steps else None


def _stop(seen: Observed) -> Decision | None:
    copies = sorted(seen.copies, key=lambda copy: copy.id)
    asked = [copy for copy in copies if copy.state is not CopyState.STOPPING]
    free = tuple(Stop(copy.id, WHY) for copy in asked if _drained(seen, copy))
    if free:
        return Wave(Stage.DONE, free, f"Stop copies: {WHY}.")
    if asked:
        until = min(_drains_until(seen, copy) for copy in asked)
        return Waiting(Stage.DONE, f"Waiting for the last requests of {asked[0].id}.", until)
    return Waiting(Stage.DONE, f"Waiting for {copies[0].id} to end.") if copies else None


def _drained(seen: Observed, copy: Copy) -> bool:
    """No request is open with it, or the drain limit has passed; not known is waited out."""
    idle = copy.in_flight == 0 or copy.state is CopyState.CRASHED
    return idle or seen.now >= _drains_until(seen, copy)


def _drains_until(seen: Observed, copy: Copy) -> float:
    route = seen.route(copy.id.role)
    return route.since + DRAIN_DEFAULT if route else 0.0


def _forget(seen: Observed) -> Decision | None:
    routes = tuple(DropRoute(role, WHY) for role in sorted(route.role for route in seen.routes))
    if routes:
        return Wave(Stage.DONE, routes, "Forget the routes: nothing is behind them.")
    strays = tuple(EndStray(pid, WHY) for pid in sorted(seen.strays))
    return Wave(Stage.DONE, strays, "End the processes that are left.") if strays else None
