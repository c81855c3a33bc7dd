"""Smoke checks asked of a running release: of copies before they get traffic, and
through the proxy after."""

from fairlead.base.ids import Place
from fairlead.desired.model import Release
from fairlead.manifest.model import Smoke
from fairlead.rollout.ports import HttpAnswer
from fairlead.rollout.rules import argv_of, environment_of, fault_of
from fairlead.rollout.world import World
from fairlead.secrets.scrub import Scrubber

ASK_AGAIN = 0.25
"""Seconds between two askings of a check that does not pass yet."""


def faults(
    world: World, place: Place, release: Release, smokes: tuple[Smoke, ...], address: str
) -> tuple[str, ...]:
    """What is wrong, one sentence a check that does not pass; () when all pass.

    A check is asked until it passes or its limit is over: what is stale while a
    worker restarts may be fresh a moment later.
    """
    found = [_patiently(world, place, release, smoke, address) for smoke in smokes]
    wrong = [fault for fault in found if fault]
    # What an app answers or prints is shown and recorded, and may name its own secrets.
    masked = Scrubber(world.secrets.values(place, release).items()) if wrong else str
    return tuple(map(masked, wrong))


def _patiently(world: World, place: Place, release: Release, smoke: Smoke, address: str) -> str:
    deadline = world.clock.now() + smoke.limit
    while True:
        fault = _once(world, place, release, smoke, address)
        if not fault or world.clock.now() + ASK_AGAIN >= deadline:
            return f"smoke.{smoke.name}: {fault}" if fault else ""
        world.clock.sleep(ASK_AGAIN)


def _once(world: World, place: Place, release: Release, smoke: Smoke, address: str) -> str:
    if smoke.path:
        answer: HttpAnswer = world.http.get(address, smoke.path, smoke.limit)
        return fault_of(smoke, answer, release, world.clock.now())
    laid = world.files.laid(place, release)
    environment = environment_of(place, release, laid) | {"FAIRLEAD_ADDRESS": address}
    argv = argv_of(smoke.command, address, laid)
    secrets = world.secrets.values(place, release)
    asked = world.commands.ask(place, argv, laid.tree, environment, smoke.limit, secrets)
    last = asked.output.strip().splitlines()[-1:] or [""]
    return "" if asked.exit == 0 else f"exit {asked.exit}: {last[0]}".rstrip(": ")
