"""What an agent does with one place, again and again, until nothing is left to do."""

from fairlead.base.errors import FairleadError
from fairlead.desired.model import Desired
from fairlead.plan.model import Decision, Halted, JobState, Settled, Waiting
from fairlead.rollout.flow import roll_out, state_of, tend
from fairlead.rollout.world import World
from rollout.memory_world import PLACE

EVERY = 5.0
"""Seconds between two of the agent's looks at a settled place."""

TURNS = 300
"""More turns than any place here needs to come to rest."""


def bring(world: World, wanted: Desired, owner: str = "agent-1") -> Settled | Halted:
    """Roll out, then drain and stop the old side; errors are tried again, as the agent does.

    It is over once two looks, one of the agent's rounds apart, found nothing to do.
    """
    error: FairleadError | None = None
    rested = False
    for _ in range(TURNS):
        try:
            decision = turn(world, wanted, owner)
        except FairleadError as trouble:
            error = trouble
            world.clock.sleep(1.0)
            continue
        rests = isinstance(decision, Settled) and not decision.again_at
        if isinstance(decision, Halted) or (isinstance(decision, Settled) and rests and rested):
            return decision
        rested = rests
        pause(world, decision)
    raise AssertionError(f"it does not come to rest: {error}")


def turn(world: World, wanted: Desired, owner: str) -> Decision | None:
    """One look at the place: a rollout to its end, or one cycle of tending."""
    mark = state_of(world, wanted)
    if mark is None or mark.state is JobState.RUNNING:
        ending = roll_out(world, wanted, owner, "")
        return ending.decision if isinstance(ending.decision, Halted) else None
    if mark.state is JobState.FAILED:
        return Halted(0, mark.detail)
    return tend(world, PLACE, wanted, owner)


def pause(world: World, decision: Decision | None) -> None:
    """Wait for the world, or for what falls due."""
    if isinstance(decision, Settled):
        world.clock.sleep(max(EVERY, decision.again_at - world.clock.now()))
    elif isinstance(decision, Waiting):
        world.clock.sleep(0.5)


def empty(world: World, owner: str = "agent-1") -> None:
    """Nothing is wanted here any more: until nothing is left."""
    for _ in range(TURNS):
        decision = tend(world, PLACE, None, owner, asked=True)
        if isinstance(decision, Settled):
            return
        pause(world, decision)
    raise AssertionError("the place does not empty")
