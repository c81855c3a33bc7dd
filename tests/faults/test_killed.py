"""Killed at any call of a rollout, before or after its effect, and carried on by another process:
the end is the same as if nothing had happened (promise 6)."""

import pytest

from fairlead.manifest.model import Strategy
from fairlead.plan.model import Settled
from faults.seam import AFTER, BEFORE, Seam, moments
from faults.story import (
    STRATEGIES,
    go_on,
    is_whole,
    migrated_well,
    name_of,
    quiet,
    record_is_sound,
    serving_one,
)


@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_killed_at_every_change(strategy: Strategy, when: str) -> None:
    """Release 2 is whole, its migration succeeded once, after a backup, and the record is sound.

    Every other change here, the others with the other ``when``; ``make soak`` takes them all.
    """
    expected, calls = quiet(strategy)
    for at in moments(calls, reads_once=False)[(BEFORE, AFTER).index(when) :: 2]:
        killed_at(strategy, at, when, expected, calls[at - 1])


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("when", [BEFORE, AFTER])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_killed_at_every_call(strategy: Strategy, when: str) -> None:
    """The same at every single call, questions too."""
    expected, calls = quiet(strategy)
    for at, call in enumerate(calls, 1):
        killed_at(strategy, at, when, expected, call)


def killed_at(strategy: Strategy, at: int, when: str, expected: object, call: str) -> None:
    """One life with one death in it."""
    world, wanted = serving_one(strategy)
    seam = Seam(world, at, when)
    ending = go_on(world, wanted, seam)
    told = f"killed {when} call {at}: {call}"
    assert seam.hit == call, told
    assert isinstance(ending, Settled), told
    assert is_whole(world, 2), told
    assert world.end_state() == expected, told
    assert migrated_well(world, 2) == 1, told
    record_is_sound(world)
