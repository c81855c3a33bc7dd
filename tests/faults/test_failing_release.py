"""A release that fails, wherever it does: the one before serves whole again (promise 4)."""

import pytest

from fairlead.manifest.model import Recreate, Strategy
from fairlead.plan.model import Halted, Settled
from faults.seam import Seam
from faults.story import (
    STRATEGIES,
    go_back,
    go_on,
    is_whole,
    migrated_well,
    name_of,
    record_is_sound,
    serving_one,
)
from rollout.memory_world import LISTEN, Behaviour, MemoryWorld

FAILINGS = {
    "crashes": (Behaviour(crashes=("web",)), "web.1 of release 2 crashed 2 times"),
    "never-answers": (Behaviour(boots=1e9), "was not ready within 20 s"),
    "answers-wrongly": (Behaviour(health=500), "/healthz answered 500"),
    "fails-its-smoke-check": (Behaviour(page=500), "/ answered 500, expected 200"),
    "worker-crashes-later": (
        Behaviour(crashes=("work",), crashes_after=0.4),
        "work.1 of release 2 crashed 2 times",
    ),
    "migration-exits-1": (Behaviour(migration=1), "The migration of release 2 failed: exit 1."),
}


@pytest.mark.parametrize("how", FAILINGS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_a_failing_release_is_returned_from(strategy: Strategy, how: str) -> None:
    """It halts with a sentence that says what failed, and the return makes release 1 whole."""
    behaviour, sentence = FAILINGS[how]
    world, wanted = serving_one(strategy, behaviour)
    asked = Asking(world)
    ending = go_on(world, wanted, Seam(world))
    assert isinstance(ending, Halted)
    assert sentence in ending.sentence
    assert isinstance(go_back(world, wanted, "agent-1"), Settled)
    assert is_whole(world, 1)
    assert migrated_well(world, 2) == (0 if how == "migration-exits-1" else 1)
    assert asked.sent
    assert (asked.failed > 0) == (isinstance(strategy, Recreate) and how != "migration-exits-1")
    record_is_sound(world)


class Asking:
    """Somebody who asks for a page whenever time passes."""

    def __init__(self, world: MemoryWorld) -> None:
        self.sent = self.failed = 0
        self._world = world
        world.clock.hooks.append(self._ask)

    def _ask(self) -> None:
        self.sent += 1
        site = next(s for s in self._world.proxy.sites(("river", "local")) if s.site.role == "web")
        copies = [self._world.copy_at(up.address) for up in site.site.upstreams]
        self.failed += not copies or None in copies


def test_a_lost_migration_is_run_again_after_another_backup() -> None:
    """Nobody can say how it ended: it is asked again, and the second run counts."""
    world, wanted = serving_one(STRATEGIES[1], Behaviour(migration=None))
    seen: list[int] = []

    def mend(name: str) -> None:
        if name == "runtime.run":
            seen.append(1)
            world.behaviours[2] = Behaviour(migration=None if len(seen) == 1 else 0)

    seam = Seam(world)
    seam.hooks.append(mend)
    assert isinstance(go_on(world, wanted, seam), Settled)
    assert [code for number, code, _ in world.migrated if number == 2] == [None, 0]
    assert is_whole(world, 2)
    assert world.http.get(LISTEN, "/", 1).status == 200
    record_is_sound(world)
