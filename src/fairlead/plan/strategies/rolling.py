"""One after another: at most ``copies + surge`` run, at least ``copies`` ready ones serve.

An old copy is stopped early only where a new one needs its place; the others stay
until the release is done, so that a failure in a later wave has something to return to.
"""

from fairlead.manifest.model import Role
from fairlead.plan.model import CopyId, CopyState, Decision, Stage
from fairlead.plan.strategies import parts
from fairlead.plan.view import View


def rolling(view: View, role: Role, surge: int) -> Decision | None:
    """The next decision for this role."""
    return (
        _route(view, role)
        or _make_room(view, role, surge)
        or parts.start(view, role, view.missing(role)[: _room(view, role, surge)])
        or parts.unready(view, role)
    )


def _route(view: View, role: Role) -> Decision | None:
    """New copies that are ready take the place of old ones in the route."""
    new = view.ready(role)
    old = view.serving_others(role)
    asked = parts.try_out(view, role) if new else None
    if asked:
        return asked
    serving = new + old[: max(0, role.copies - len(new))]
    if not serving:
        return None
    return parts.switch(view, role, parts.equal(serving), _why(new, old))


def _why(new: list[CopyId], old: list[CopyId]) -> str:
    count, age = (len(new), "new") if new else (len(old), "old")
    return f"1 {age} copy serves" if count == 1 else f"{count} {age} copies serve"


def _room(view: View, role: Role, surge: int) -> int:
    """How many more copies may start. Where nothing at all is ready, always one."""
    mine, others = view.mine(role), view.others(role)
    down = not mine and not any(c.state is CopyState.READY for c in others)
    return max(int(down), role.copies + max(1, surge) - len(mine) - len(others))


def _make_room(view: View, role: Role, surge: int) -> Decision | None:
    """Stop a copy without traffic where a new one needs its place: one beyond the wanted
    number or a broken one first."""
    if not view.missing(role) or _room(view, role, surge):
        return None
    routed = view.routed(role.name)
    idle = [c for c in view.unwanted(role) if c.id not in routed]
    old = view.others(role)
    idle.sort(key=lambda c: (c.state is CopyState.READY and c in old, c.id))
    wait = parts.unready(view, role) if not idle else None
    return wait or parts.stop(view, idle[:1], Stage.CORE, "a new copy needs its place")
