"""Nothing happens unrecorded (promise 5)."""

import pytest

from fairlead.base.errors import FairleadError
from fairlead.base.journal import Outcome, Verb
from fairlead.manifest.model import Strategy
from fairlead.plan.model import Settled
from fairlead.record.flow import read, unclosed
from fairlead.rollout.flow import roll_out
from faults.seam import EFFECTS, Seam
from faults.story import STRATEGIES, is_whole, name_of, record_is_sound, serving_one
from rollout.agent import bring


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_a_journal_that_cannot_write_stops_everything(strategy: Strategy) -> None:
    """From whichever entry on: no effect is started, and later it is carried on."""
    for entries in (0, 1, 2, 5, 11, 18, 25, 30):
        world, wanted = serving_one(strategy)
        seam, left = Seam(world), [entries]

        def full(name: str, left: list[int] = left) -> None:
            if name == "journal.write":
                left[0] -= 1
                if left[0] < 0:
                    raise FairleadError("the record is full", "make room")

        seam.hooks.append(full)
        with pytest.raises(FairleadError, match="the record is full"):
            roll_out(world.process(seam.wrap), wanted, "agent-1", "")
        refused = len(seam.calls) - seam.calls[::-1].index("journal.write")
        assert EFFECTS.isdisjoint(seam.calls[refused:])
        assert isinstance(bring(world.process(), wanted), Settled)
        assert is_whole(world, 2)
        record_is_sound(world)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=name_of)
def test_a_rollout_that_went_well_leaves_no_open_intent(strategy: Strategy) -> None:
    """Each intent has its outcome, and the whole of it is one rollout, done."""
    world, wanted = serving_one(strategy)
    assert isinstance(bring(world.process(Seam(world).wrap), wanted), Settled)
    assert unclosed(world.store) == ()
    mine = [e for e in read(world.store, limit=10_000) if e.release == 2]
    ends = [e.outcome for e in mine if e.verb == Verb.ROLLOUT]
    assert ends == [Outcome.INTENT, Outcome.DONE]
    record_is_sound(world)
