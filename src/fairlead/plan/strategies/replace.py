"""The old copies end before the new ones start.

For roles that take no traffic, for singletons, which never overlap, for roles that are handed a
socket, and for the recreate strategy. A role that serves answers 503 with a maintenance page in
between; not where the socket stays while its copies change: there requests wait, so the route is
left as it is until the new copy is ready.
"""

from fairlead.manifest.model import Role
from fairlead.plan.model import Decision
from fairlead.plan.strategies import parts
from fairlead.plan.strategies.blue_green import switch_over
from fairlead.plan.view import View


def replace(view: View, role: Role) -> Decision | None:
    """The next decision for this role."""
    return (
        _let_go(view, role)
        or parts.stop(view, list(view.unwanted(role)), parts.stage_of(role), "it is replaced")
        or parts.start(view, role, view.missing(role))
        or (parts.keep_alive(view, role) if role.serves else None)
        or parts.unready(view, role)
        or (_take_up(view, role) if role.serves else None)
    )


def _take_up(view: View, role: Role) -> Decision | None:
    """Traffic to the new copies, once they were tried."""
    return parts.try_out(view, role) or switch_over(view, role)


def _let_go(view: View, role: Role) -> Decision | None:
    """Take the traffic from the old copies of a role that serves."""
    others = {copy.id for copy in view.unwanted(role) if not view.hands_on(copy)}
    if not role.serves or not others.intersection(view.routed(role.name)):
        return None
    return parts.switch(view, role, (), "maintenance while its copies are replaced")
