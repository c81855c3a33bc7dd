"""Users ask all the while: no request goes to a copy that does not run, and none is lost."""

from dataclasses import dataclass, field

import pytest

from fairlead.manifest.model import Recreate, Strategy
from fairlead.plan.model import Settled
from faults.seam import AFTER, Seam
from faults.story import STRATEGIES, go_on, is_whole, name_of, serving_one
from rollout.agent import empty
from rollout.memory_world import PLACE, MemoryWorld

LASTS = 4.0
"""Seconds the longest request takes: less than the drain limit of 10."""


@dataclass
class Users:
    """Requests begun at every call that Fairlead makes, ended a while later."""

    world: MemoryWorld
    open: list[tuple[float, str, object]] = field(default_factory=list)
    sent: int = 0
    refused: int = 0

    def come(self, _name: str) -> None:
        """Some requests end, every open one is still being answered, and one more begins."""
        now = self.world.clock.now()
        for request in [r for r in self.open if r[0] <= now]:
            self._end(request)
        for _, address, copy in self.open:
            assert self.world.copy_at(address) == copy, f"a request to {copy} was lost"
        self.sent += 1
        address = self.world.proxy.begin(PLACE, "web")
        if not address:
            self.refused += 1
            return
        copy = self.world.copy_at(address)
        assert copy is not None, f"a request was handed to {address}, where nothing runs"
        lasts = LASTS if self.sent % 5 == 0 else 0.3
        self.open.append((now + lasts, address, copy))

    def go(self) -> None:
        """Everybody leaves."""
        for request in list(self.open):
            self._end(request)

    def _end(self, request: tuple[float, str, object]) -> None:
        self.world.proxy.end(PLACE, request[1])
        self.open.remove(request)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_no_request_is_lost(strategy: Strategy) -> None:
    """Through a whole rollout and the stop of the old side; recreate turns some away, and loses
    none either."""
    world, wanted = serving_one(strategy)
    users, seam = Users(world), Seam(world)
    seam.hooks.append(users.come)
    assert isinstance(go_on(world, wanted, seam), Settled)
    assert is_whole(world, 2)
    assert users.sent > 300
    assert (users.refused > 0) == isinstance(strategy, Recreate)


@pytest.mark.parametrize("at", [40, 90, 150, 210, 280])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_no_request_is_lost_when_it_is_killed(strategy: Strategy, at: int) -> None:
    """The next process knows of requests in flight what the first one knew: it asks the proxy."""
    world, wanted = serving_one(strategy)
    users, seam = Users(world), Seam(world, at, AFTER)
    seam.hooks.append(users.come)
    world.clock.hooks.append(lambda: users.come("time"))
    assert isinstance(go_on(world, wanted, seam), Settled)
    assert is_whole(world, 2)
    assert (users.refused > 0) == isinstance(strategy, Recreate)


def test_no_request_is_lost_on_the_way_out() -> None:
    """Where nothing is wanted any more, requests in flight end before their copies do."""
    world, _ = serving_one(STRATEGIES[1])
    users = Users(world)
    for _ in range(40):
        users.come("before")
    opened = len(users.open)
    world.clock.hooks.append(lambda: users.come("time"))
    empty(world.process())
    assert opened
    assert not users.open
    assert not world.running()
    assert not world.proxy.sites(PLACE)
