"""A share of the traffic first, judged from outside, then the next share, then all.

Not known never advances (promise 12). Going back to a release that was proven here,
and a first release, have nothing to be judged against: they switch at once.
"""

from fairlead.manifest.model import Canary, Role
from fairlead.plan.model import CopyId, Decision, Halted, Health, Route, Stage, Waiting
from fairlead.plan.strategies import parts
from fairlead.plan.strategies.blue_green import stand_up, switch_over
from fairlead.plan.view import View


def canary(view: View, role: Role, strategy: Canary) -> Decision | None:
    """The next decision for this role."""
    blocked = _keep_share(view, role, strategy) or stand_up(view, role)
    if blocked:
        return blocked
    old = view.serving_others(role)
    if view.proven or not old:
        return switch_over(view, role)
    return _advance(view, role, strategy, old)


def _keep_share(view: View, role: Role, strategy: Canary) -> Decision | None:
    """Take copies that are not ready out of a shared route, and leave the share as it is.

    Without this an old copy that crashes would hand its part to the new release: an advance
    that nobody judged.
    """
    route = view.route(role.name)
    share = _held(route, view.number, strategy)
    if view.proven or route is None or not share:
        return None
    new = view.serving(role, view.mine(role).values())
    old = view.serving_others(role)
    if not new or not old or len(new) + len(old) == len(route.shares):
        return None
    shares = parts.split(new, old, share)
    return parts.switch(view, role, shares, "take out copies that are not ready")


def _advance(view: View, role: Role, strategy: Canary, old: list[CopyId]) -> Decision | None:
    route = view.route(role.name)
    share = _held(route, view.number, strategy)
    if route is None or not share:
        return _give(view, role, old, strategy.weights[0])
    again = _give(view, role, old, share)
    if again:
        # A copy came or went: the share stays, its bake starts again.
        return again
    verdict = _judge(view, role, strategy, route.since, share)
    if verdict:
        return verdict
    higher = [weight for weight in strategy.weights if weight > share]
    return _give(view, role, old, higher[0]) if higher else switch_over(view, role)


def _give(view: View, role: Role, old: list[CopyId], percent: int) -> Decision | None:
    why = f"{percent} % of the traffic to release {view.number}"
    return parts.switch(view, role, parts.split(view.ready(role), old, percent), why)


def _held(route: Route | None, number: int, strategy: Canary) -> int:
    """The percent that the new release holds: the greatest weight it has reached, or what it has
    where it was asked for with other weights before and has reached none of these; 0 for none."""
    if route is None:
        return 0
    whole = sum(share for _, share in route.shares)
    new = sum(share for copy, share in route.shares if copy.release == number)
    reached = [weight for weight in strategy.weights if weight * whole <= new * 100]
    return max(reached, default=max(1, new * 100 // whole) if new else 0)


def _judge(view: View, role: Role, strategy: Canary, since: float, percent: int) -> Decision | None:
    """None when this share was baked and found healthy."""
    baked, name = since + strategy.bake, f"release {view.number} at {percent} %"
    if view.seen.canary is Health.UNHEALTHY:
        return Halted(Stage.CORE, f"{role.name}: {name} is unhealthy.")
    if view.seen.now < baked:
        return Waiting(Stage.CORE, f"{role.name}: {name} bakes for {strategy.bake} s.", baked)
    if view.seen.canary is Health.HEALTHY:
        return None
    patience = baked + strategy.patience
    if view.seen.now >= patience:
        return Halted(Stage.CORE, f"{role.name}: nobody can say whether {name} is healthy.")
    return Waiting(Stage.CORE, f"{role.name}: the verdict on {name} is not known.", patience)
