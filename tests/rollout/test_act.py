"""Steps against a world that is in the way."""

from typing import Any

from fairlead.base.errors import Refused
from fairlead.rollout.flow import roll_out
from fairlead.rollout.ports import Site
from rollout.memory_world import MemoryWorld, desired, release


class Taken:
    """A proxy whose address somebody else has, until it is given another."""

    def __init__(self, proxy: Any, world: MemoryWorld) -> None:
        self._proxy = proxy
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proxy, name)

    def put(self, site: Site, now: float) -> None:
        if not self._world.files.moved:
            raise Refused("cannot listen: address already in use", "choose another")
        self._proxy.put(site, now)


def test_an_address_that_was_taken_meanwhile_is_changed_before_anybody_knows_it() -> None:
    """Two homes may pick one free port; the second to listen takes another, and serves."""
    world = MemoryWorld()
    wanted = desired(world.publish(release(1)))
    process = world.process(lambda name, port: Taken(port, world) if name == "proxy" else port)
    assert roll_out(process, wanted, "agent", "sha256:plan").serves
    assert world.files.moved == [1]


def test_a_place_that_serves_keeps_its_address() -> None:
    """Users know it: a refusal there is a failure, not a reason to move."""
    world = MemoryWorld()
    roll_out(world.process(), desired(world.publish(release(1))), "agent", "sha256:plan")
    later = desired(world.publish(release(2)), revision="rev-2", previous=1)
    process = world.process(lambda name, port: Taken(port, world) if name == "proxy" else port)
    assert not roll_out(process, later, "agent", "sha256:plan").serves
    assert world.files.moved == []
