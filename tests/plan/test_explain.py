"""Any plan, in sentences: one page per strategy, from nothing to a release and back.

The pages are ``tests/cases/plan/<strategy>.txt``; they are also what a person is shown.
"""

from pathlib import Path

import pytest

from fairlead.desired.model import Desired
from fairlead.manifest.model import BlueGreen, Canary, Recreate, Role, Rolling, Strategy
from fairlead.plan.explain import explain, phrase
from fairlead.plan.model import CopyId, Observed, SetRoute
from fairlead.plan.unfold import unfold
from properties import worlds
from properties.test_planner import leave_alone

CASES = Path(__file__).parents[1] / "cases" / "plan"
ROLES = (
    Role("web", "serve {socket}", copies=2, health="/healthz"),
    Role("clock", "tick", singleton=True),
    Role("work", "work", copies=2),
)
STRATEGIES: dict[str, Strategy] = {
    "rolling": Rolling(),
    "blue-green": BlueGreen(hold=300),
    "canary": Canary(weights=(10, 50), bake=60),
    "recreate": Recreate(),
}


def story(strategy: Strategy) -> str:
    """The plans of a first release, a second with a migration, and the return to the first."""
    one, two = worlds.release(1, ROLES, "a"), worlds.release(2, ROLES, "b")
    ways: list[Desired] = [
        worlds.desired(one, strategy, "revision-1"),
        worlds.desired(two, strategy, "revision-2", 1),
        worlds.desired(one, strategy, "revision-3", 2, "rollback"),
    ]
    seen, told = Observed(1_000.0), []
    for wanted in ways:
        told.append("\n".join(explain(unfold(wanted, seen))))
        seen, _ = leave_alone(wanted, seen)
    told.append("\n".join(explain(unfold(ways[-1], seen))))
    return "\n\n".join(told) + "\n"


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_way_is_told(name: str) -> None:
    """What is planned, in which order and why, and that nothing is left once it is done."""
    assert story(STRATEGIES[name]) == (CASES / f"{name}.txt").read_text(encoding="utf-8")


def test_shares_are_told_in_percent() -> None:
    """By release, whatever the numbers of copies."""
    shares = ((CopyId(1, "web", 1), 9), (CopyId(1, "web", 2), 9), (CopyId(2, "web", 1), 2))
    assert phrase(SetRoute("web", shares)) == "route web to release 1 90 %, release 2 10 %"
    assert phrase(SetRoute("web", shares[:2])) == "route web to release 1"
    assert phrase(SetRoute("web", ())) == "route web to the maintenance page"
