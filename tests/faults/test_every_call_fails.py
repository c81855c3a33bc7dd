"""Every call of a rollout fails once: it is tried again, or the release before is whole again."""

import pytest

from fairlead.base.errors import FairleadError, Unknown
from fairlead.manifest.model import Strategy
from fairlead.plan.model import Halted, Settled
from faults.seam import AFTER, BEFORE, Seam, moments
from faults.story import (
    STRATEGIES,
    go_back,
    go_on,
    is_whole,
    migrated_well,
    name_of,
    quiet,
    record_is_sound,
    serving_one,
)

WAYS = [(BEFORE, FairleadError), (BEFORE, Unknown), (AFTER, Unknown)]
"""It says no, it says nothing, or it does it and says nothing."""


@pytest.mark.parametrize(("when", "error"), WAYS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_every_kind_of_call_fails_once(
    strategy: Strategy, when: str, error: type[FairleadError]
) -> None:
    """Every call that changes something, and each kind of question: one release is whole.

    A third of them in each way; ``make soak`` takes them all in all ways.
    """
    expected, calls = quiet(strategy)
    for at in moments(calls)[WAYS.index((when, error)) :: 3]:
        fails_at(strategy, at, (when, error), expected, calls[at - 1])


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("when", "error"), WAYS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_every_call_fails_once(strategy: Strategy, when: str, error: type[FairleadError]) -> None:
    """The same at every single call."""
    expected, calls = quiet(strategy)
    for at, call in enumerate(calls, 1):
        fails_at(strategy, at, (when, error), expected, call)


def fails_at(
    strategy: Strategy, at: int, how: tuple[str, type[FairleadError]], expected: object, call: str
) -> None:
    """Only a backup's failure may end the rollout: what is not backed up is not migrated."""
    world, wanted = serving_one(strategy)
    seam = Seam(world, at, *how)
    ending = go_on(world, wanted, seam)
    told = f"{how[1].__name__} {how[0]} call {at}: {call}"
    assert seam.hit == call, told
    if isinstance(ending, Halted):
        assert call == "backups.take", told
        assert isinstance(go_back(world, wanted, "agent-1"), Settled), told
        assert is_whole(world, 1), told
    else:
        assert is_whole(world, 2), told
        assert world.end_state() == expected, told
        assert migrated_well(world, 2) == 1, told
    record_is_sound(world)
