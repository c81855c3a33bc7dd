"""One look: what the ports know, and what not known becomes."""

import pytest

from fairlead.base.errors import Unknown
from fairlead.manifest.model import BlueGreen, Canary, Strategy
from fairlead.plan.model import CopyId, CopyState, Health
from fairlead.rollout.look import look
from fairlead.rollout.ports import Asked
from fairlead.rollout.world import World
from rollout.agent import bring
from rollout.memory_world import PLACE, WEB, Behaviour, MemoryWorld, desired, release


def serving(strategy: Strategy | None = None) -> tuple[MemoryWorld, World]:
    """Release 1 serves with two copies."""
    world = MemoryWorld()
    process = world.process()
    bring(process, desired(world.publish(release(1, WEB)), strategy or BlueGreen(hold=0)))
    return world, process


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [
        (Behaviour(), CopyState.READY),
        (Behaviour(boots=1e9), CopyState.STARTING),
        (Behaviour(health=503), CopyState.STARTING),
        (Behaviour(health=404), CopyState.WRONG),
        (Behaviour(health=302), CopyState.READY),
    ],
)
def test_a_copy_is_what_it_answers(behaviour: Behaviour, state: CopyState) -> None:
    """Ready is an answer, not a process."""
    world, _ = serving()
    world.behaviours[1] = behaviour
    seen = look(world.process(), PLACE, desired(release(1, WEB)))
    assert {copy.state for copy in seen.copies} == {state}


def test_a_runtime_that_does_not_answer_is_not_an_empty_one() -> None:
    """No reply is not known, and not known raises."""
    world, process = serving()
    world.runtime.down = True
    with pytest.raises(Unknown):
        look(process, PLACE, desired(release(1, WEB)))


def test_in_flight_that_is_not_known_is_not_none() -> None:
    """When the proxy does not say, nobody is taken for idle."""
    world, _ = serving()

    class Silent:
        def in_flight(self, place: object) -> object:
            raise Unknown("the proxy gives no answer", "wait")

        def __getattr__(self, name: str) -> object:
            return getattr(world.proxy, name)

    process = world.process(lambda name, port: Silent() if name == "proxy" else port)
    seen = look(process, PLACE, desired(release(1, WEB)))
    assert {copy.in_flight for copy in seen.copies} == {None}


def test_files_are_looked_at_and_mended() -> None:
    """A release that somebody laid hands on is seen as damaged, and no other is looked at."""
    world, process = serving()
    world.files.broken.update({1, 9})
    assert look(process, PLACE, desired(release(1, WEB))).damaged == (1,)
    assert look(process, PLACE, None).damaged == ()


@pytest.mark.parametrize(
    ("exit_code", "health"),
    [(0, Health.HEALTHY), (1, Health.UNHEALTHY), (2, Health.NOT_KNOWN), (124, Health.NOT_KNOWN)],
)
def test_a_verdict_command(exit_code: int, health: Health) -> None:
    """Exit 0 is healthy, 1 unhealthy, all else not known."""
    world, process = serving()
    world.commands.answers["verdict"] = Asked(exit_code)
    assert half_way(world, process, Canary((50,), bake=1e6, verdict="verdict")) is health


@pytest.mark.parametrize(
    ("page", "health"),
    [(200, Health.HEALTHY), (500, Health.UNHEALTHY), (0, Health.NOT_KNOWN)],
)
def test_smoke_checks_as_the_verdict(page: int, health: Health) -> None:
    """Without a command the new copies are asked: a wrong answer is unhealthy, none not known."""
    world, process = serving()
    assert half_way(world, process, Canary((50,), bake=1e6), page) is health


def half_way(world: MemoryWorld, process: World, strategy: Canary, page: int = 200) -> Health:
    """The verdict while release 2 has half of the traffic."""
    two = world.publish(release(2, WEB))
    wanted = desired(two, strategy, previous=1)
    addresses = [process.files.address(PLACE, CopyId(2, "web", n), False) for n in (1, 2)]
    from fairlead.rollout.cycle import Rollout
    from fairlead.rollout.lease import Holding

    with Holding(world.leases, world.clock, PLACE, "agent", "test") as holding:
        rollout = Rollout(process, PLACE, wanted, holding)
        while world.serving() != {1, 2}:
            rollout.cycle()
            world.clock.sleep(0.5)
    world.clock.sleep(5)
    world.behaviours[2] = Behaviour(page=page)
    assert all(address in world.http.servers for address in addresses)
    return look(process, PLACE, wanted).canary
