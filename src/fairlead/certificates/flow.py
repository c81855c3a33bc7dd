"""Keeping certificates: what the agent does on its clock. A rollout never waits for this."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

from fairlead.base.clock import Clock, stamp
from fairlead.base.errors import FairleadError
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Fact, Journal, Outcome, Verb
from fairlead.certificates.model import Fault, Held
from fairlead.certificates.ports import Serving, Source
from fairlead.certificates.rules import LOOK_EVERY, renew_at, try_at, why_due

WHO = "agent"


@dataclass(frozen=True, slots=True)
class Keeper:
    """Everything that keeping them touches. ``seen`` is what was last seen of each place's, where
    the source works by itself."""

    source: Source
    serving: Serving
    journal: Journal
    clock: Clock
    seen: MutableMapping[Place, tuple[Held | None, Fault | None]] = field(default_factory=dict)


def keep(keeper: Keeper, place: Place, names: Sequence[str]) -> float:
    """Get the certificate for a place's names if it is due, and have it served; when to look again.

    A failure is recorded and tried again later; what is served is served on. Raises FairleadError
    when the proxy did not take what is there, or the record no entry.
    """
    if keeper.source.by_itself:
        return _watch(keeper, place, names)
    if names:
        _renew(keeper, place, names)
    _serve(keeper, place)
    return _next(keeper, names)


def _renew(keeper: Keeper, place: Place, names: Sequence[str]) -> None:
    source, now = keeper.source, keeper.clock.now()
    why = why_due(names, source.held(names), now)
    if not why or now < try_at(source.fault(names)):
        return
    intent = _write(keeper, place, Outcome.INTENT, why, {"names": tuple(names)})
    try:
        held = source.get(names, now)
    except FairleadError as error:
        facts: dict[str, Fact] = {"names": tuple(names), "reason": error.what}
        _write(keeper, place, Outcome.FAILED, error.what, facts, intent)
        return
    _write(keeper, place, Outcome.DONE, "", _facts(held), intent)


def _serve(keeper: Keeper, place: Place) -> None:
    """Whatever files are there: those just got, those of a run before, those of the owner."""
    if keeper.serving.refresh(place):
        _write(keeper, place, Outcome.DONE, "the proxy serves it", {"how": "served"})


def _next(keeper: Keeper, names: Sequence[str]) -> float:
    soonest = keeper.clock.now() + LOOK_EVERY
    held, fault = keeper.source.held(names), keeper.source.fault(names)
    if names and fault is not None:
        return min(soonest, try_at(fault))
    return min(soonest, renew_at(held)) if held and names else soonest


def _watch(keeper: Keeper, place: Place, names: Sequence[str]) -> float:
    """Write down what a source that works by itself came to."""
    if keeper.serving.refresh(place):
        _write(keeper, place, Outcome.DONE, "the proxy serves it", {"how": "served"})
    if not names:
        return keeper.clock.now() + LOOK_EVERY
    now = keeper.source.held(names), keeper.source.fault(names)
    before = keeper.seen.get(place)
    keeper.seen[place] = now
    held, fault = now
    if held and before and before[0] != held:
        _write(keeper, place, Outcome.DONE, "", _facts(held))
    if fault and (before is None or before[1] is None or before[1].what != fault.what):
        facts: dict[str, Fact] = {"names": tuple(names), "reason": fault.what}
        _write(keeper, place, Outcome.FAILED, fault.what, facts)
    whole = held is not None and held.covers(names) and fault is None
    return keeper.clock.now() + (LOOK_EVERY if whole else _SOON)


_SOON = 5.0


def _facts(held: Held) -> dict[str, Fact]:
    return {"names": held.names, "until": stamp(held.ends), "serial": held.serial}


def _write(
    keeper: Keeper,
    place: Place,
    outcome: Outcome,
    why: str,
    facts: Mapping[str, Fact],
    intent: int = 0,
) -> int:
    return keeper.journal.write(
        Event(Verb.RENEW, outcome, WHO, why, *place, facts=facts, intent=intent)
    )
