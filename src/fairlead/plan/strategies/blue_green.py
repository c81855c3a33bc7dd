"""All new copies first, then one switch. The old side stays whole behind it."""

from fairlead.manifest.model import Role
from fairlead.plan.model import Decision, Stage, Wave
from fairlead.plan.strategies import parts
from fairlead.plan.view import View


def blue_green(view: View, role: Role) -> Decision | None:
    """The next decision for this role."""
    return stand_up(view, role) or switch_over(view, role)


def stand_up(view: View, role: Role) -> Decision | None:
    """Until every wanted copy is ready and was tried: what is next."""
    return (
        parts.keep_alive(view, role)
        or _clear(view, role)
        or parts.start(view, role, view.missing(role))
        or parts.unready(view, role)
        or parts.try_out(view, role)
    )


def _clear(view: View, role: Role) -> Decision | None:
    """Free the memory of copies of a release that nobody goes back to; wait for none."""
    if view.done:
        return None
    decision = parts.stop(view, parts.strangers(view, role), Stage.CORE, "nobody goes back to it")
    return decision if isinstance(decision, Wave) else None


def switch_over(view: View, role: Role) -> Decision | None:
    """All traffic to the wanted copies, in one switch."""
    why = f"all traffic to release {view.number}"
    return parts.switch(view, role, parts.equal(view.ready(role)), why)
