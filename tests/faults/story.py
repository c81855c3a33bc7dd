"""One story for every fault: release 1 serves, release 2 is rolled out, something goes wrong."""

from collections import Counter

from fairlead.base.journal import Outcome
from fairlead.desired.model import Desired
from fairlead.manifest.model import BlueGreen, Canary, Recreate, Rolling, Strategy
from fairlead.plan.model import Halted, Settled
from fairlead.record.flow import entry, read, verify
from fairlead.record.model import Verified
from faults.seam import Killed, Seam
from rollout.agent import bring
from rollout.memory_world import PLACE, Behaviour, MemoryWorld, desired, release

STRATEGIES: tuple[Strategy, ...] = (
    Rolling(),
    BlueGreen(hold=5),
    Canary(weights=(10, 50), bake=1, patience=20),
    Recreate(),
)


def name_of(strategy: Strategy) -> str:
    """For the ids of tests."""
    return type(strategy).__name__.lower()


def serving_one(strategy: Strategy, second: Behaviour | None = None) -> tuple[MemoryWorld, Desired]:
    """Release 1 serves and is settled; release 2 is wanted, and behaves so."""
    world = MemoryWorld()
    first = desired(world.publish(release(1)), strategy)
    assert isinstance(bring(world.process(), first), Settled)
    return world, desired(world.publish(release(2), second), strategy, previous=1)


def quiet(strategy: Strategy) -> tuple[tuple[object, ...], tuple[str, ...]]:
    """The end state when nothing goes wrong, and the calls that lead there."""
    world, wanted = serving_one(strategy)
    seam = Seam(world)
    assert isinstance(bring(world.process(seam.wrap), wanted), Settled)
    return world.end_state(), tuple(seam.calls)


def go_on(world: MemoryWorld, wanted: Desired, seam: Seam) -> Settled | Halted:
    """Work through the seam; when that process is killed, the next one carries on."""
    try:
        return bring(world.process(seam.wrap), wanted, "agent-1")
    except Killed:
        world.dead.add("agent-1")
        after = Seam(world)
        return bring(world.process(after.wrap), wanted, "agent-2")


def go_back(world: MemoryWorld, wanted: Desired, owner: str = "agent-2") -> Settled | Halted:
    """What follows a halt: the release before, as a return."""
    before = desired(
        world.releases.known[wanted.previous], wanted.strategy, wanted.release.number, "return"
    )
    return bring(world.process(Seam(world).wrap), before, owner)


def is_whole(world: MemoryWorld, number: int) -> bool:
    """Every copy of that release runs, has all the traffic, and nothing else runs."""
    wanted = world.releases.known[number].manifest.roles
    copies = {(role.name, n) for role in wanted for n in range(1, role.copies + 1)}
    running = world.running()
    return (
        {copy.release for copy in running} == {number}
        and {(copy.role, copy.number) for copy in running} == copies
        and set(running.values()) == {"running"}
        and world.serving() == {number}
        and all(seen.site.upstreams for seen in world.proxy.sites(PLACE))
    )


def migrated_well(world: MemoryWorld, number: int) -> int:
    """How often its migration succeeded; each time after a backup of its own."""
    runs = [run for run in world.migrated if run[0] == number]
    for _, _, backups in runs:
        assert any(path.startswith(f"/backups/before-{number}") for path in backups)
    return sum(1 for _, code, _ in runs if code == 0)


def record_is_sound(world: MemoryWorld) -> None:
    """The chain holds, and no intent was closed twice or by what is not its outcome."""
    assert isinstance(verify(world.store), Verified)
    closed = [e for e in read(world.store, limit=100_000) if e.intent]
    twice = {seq: n for seq, n in Counter(e.intent for e in closed).items() if n > 1}
    assert twice == {}
    for end in closed:
        begun = entry(world.store, end.intent)
        assert begun.outcome == Outcome.INTENT
        assert (begun.verb, begun.release) == (end.verb, end.release)
