"""The way out of a place: nothing is wanted there any more."""

from fairlead.plan.model import (
    CopyState,
    Decision,
    DropRoute,
    EndStray,
    Observed,
    Settled,
    Stage,
    Stop,
    Waiting,
    Wave,
)


def retire(seen: Observed) -> Decision:
    """The next decision for a place where no release is desired: routes first, then copies."""
    if seen.routes:
        routes = tuple(DropRoute(r.role, "no release is desired here") for r in seen.routes)
        return Wave(Stage.DONE, routes, "Stop serving: no release is desired here.")
    asked = [copy for copy in seen.copies if copy.state is not CopyState.STOPPING]
    if asked:
        stops = tuple(Stop(copy.id, "no release is desired here") for copy in asked)
        return Wave(Stage.DONE, stops, "Stop every copy: no release is desired here.")
    if seen.copies:
        return Waiting(Stage.DONE, f"Waiting for {seen.copies[0].id} to end.")
    if seen.strays:
        strays = tuple(EndStray(pid, "no release is desired here") for pid in seen.strays)
        return Wave(Stage.DONE, strays, "End the processes that are left.")
    return Settled("Nothing is desired here, and nothing runs.")
