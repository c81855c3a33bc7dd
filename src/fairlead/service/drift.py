"""Drift: found, shown, then reverted or adopted."""

from collections.abc import MutableMapping

from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.desired.model import Desired
from fairlead.plan.drift import Item, drift
from fairlead.plan.model import Settled, Wave
from fairlead.rollout.flow import is_done, tend
from fairlead.rollout.look import look
from fairlead.service.tools import Tools

MENDING = 60.0
"""Seconds ``revert`` waits for a place to settle."""


def find(tools: Tools, place: Place) -> tuple[Item, ...]:
    """What is not as it should be in a place; () when nothing is, or a rollout is under way."""
    wanted = tools.desired(place)
    if wanted is None or not is_done(tools.world, wanted):
        return ()
    return drift(wanted, look(tools.world, place, wanted))


def revert(tools: Tools, place: Place) -> tuple[Item, ...]:
    """Put everything back as it should be; what was mended. Raises Refused when it is not."""
    wanted, found = _wanted(tools, place), find(tools, place)
    if not found:
        return ()
    intent = _write(tools, wanted, Verb.DRIFT, Outcome.INTENT, found, "reverted", 0)
    deadline = tools.clock.now() + MENDING
    while True:
        decision = tend(tools.world, place, wanted, tools.owner, asked=True)
        if isinstance(decision, Settled) or not (isinstance(decision, Wave) or find(tools, place)):
            break
        if tools.clock.now() > deadline:
            _write(tools, wanted, Verb.DRIFT, Outcome.FAILED, found, "reverted", intent)
            raise Refused(f"{place} does not settle: {decision.sentence}", "fairlead status")
        if not isinstance(decision, Wave):
            tools.clock.sleep(0.1)
    _write(tools, wanted, Verb.DRIFT, Outcome.DONE, found, "reverted", intent)
    return found


def adopt(tools: Tools, place: Place) -> tuple[Item, ...]:
    """Accept what was changed, as it is now, until the next rollout; what was accepted.

    Raises Refused for changed files: a release never changes, so that change has to be
    committed and pushed.
    """
    wanted, found = _wanted(tools, place), find(tools, place)
    if any(item.kind == "files" for item in found):
        raise Refused(
            f"the files of release {wanted.release.number} were changed, and a release never does",
            "commit the change and push it, or: fairlead drift --revert",
        )
    taken = tuple(item for item in found if item.mark)
    if taken:
        before = tools.world.marks.read(place).adopted
        intent = _write(tools, wanted, Verb.ADOPT, Outcome.INTENT, taken, "", 0)
        tools.world.marks.put_adopted(place, (*before, *(item.mark for item in taken)))
        _write(tools, wanted, Verb.ADOPT, Outcome.DONE, taken, "", intent)
    return taken


def note(tools: Tools, place: Place, known: MutableMapping[Place, tuple[Item, ...]]) -> None:
    """Record drift once when it is first seen, and once more when it is gone."""
    wanted = tools.desired(place)
    found = find(tools, place) if wanted else ()
    before = known.get(place, ())
    if wanted is None or found == before:
        return
    known[place] = found
    told, how = (found, "seen") if found else (before, "gone")
    _write(tools, wanted, Verb.DRIFT, Outcome.DONE, told, how, 0)


def _wanted(tools: Tools, place: Place) -> Desired:
    wanted = tools.desired(place)
    if wanted is None:
        raise NotFound(f"nothing is desired in {place}", "fairlead status")
    return wanted


def _write(
    tools: Tools,
    wanted: Desired,
    verb: Verb,
    outcome: Outcome,
    items: tuple[Item, ...],
    how: str,
    intent: int,
) -> int:
    facts: dict[str, Fact] = {
        "items": tuple(item.what for item in items),
        "revision": wanted.revision,
    }
    if how:
        facts["how"] = how
    who = "agent" if how in ("seen", "gone") else tools.me
    why = "; ".join(item.what for item in items)
    place, number = wanted.place, wanted.release.number
    event = Event(verb, outcome, who, why, *place, number, facts, intent)
    return tools.record.write(event)
