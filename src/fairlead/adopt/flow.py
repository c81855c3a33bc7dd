"""The room's verbs: hand the users over, hand them back, and make the move final.

Each is written down before and after, and safe to repeat: killed in between and asked again, it
comes to the same end. The adoption's state is stored before an effect that must be undoable.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from fairlead.adopt.model import Adoption, Stage
from fairlead.adopt.ports import Fronts, Shelf, Units
from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Journal, Outcome, Verb


class Hands(NamedTuple):
    """What the verbs work with. ``fronts`` is None where the proxy in front is out of reach,
    ``units`` where systemd is; ``who`` acts."""

    fronts: Fronts | None
    units: Units | None
    shelf: Shelf
    journal: Journal
    who: str


class Done(NamedTuple):
    """The adoption as it is now, and what was done, in sentences."""

    adoption: Adoption
    sentences: tuple[str, ...]


def switch(hands: Hands, adoption: Adoption) -> Done:
    """Send the users to the releases. Where nothing in front can be switched it says so."""
    if adoption.stage is Stage.CONFIRMED:
        return Done(adoption, ("it is confirmed already",))
    if hands.fronts is None or not adoption.front.edits:
        return Done(adoption, (_own_address(adoption),))
    # Kept before the switch: what "before" is must survive whatever happens in it.
    before = hands.fronts.before(adoption.front) if not adoption.before else adoption.before
    kept = msgspec.structs.replace(adoption, before=tuple(before))
    hands.shelf.put(kept)
    fronts = hands.fronts

    def act() -> tuple[str, ...]:
        fronts.switch(_place(kept), kept.front, kept.before)
        return (*(f"{name} is served by releases" for name in kept.front.names), _how_back(kept))

    return _noted(hands, kept, Stage.SWITCHED, "users handed over to releases", act)


def undo(hands: Hands, adoption: Adoption) -> Done:
    """Send the users to the hand-made state again. Raises Refused where that is out of reach."""
    fronts = hands.fronts
    if adoption.stage is Stage.UNDONE:
        return Done(adoption, ("it is undone already",))
    if adoption.before and fronts is None:
        raise Refused("nginx is out of reach from here", "as root, on the server")

    def act() -> tuple[str, ...]:
        told = []
        if adoption.stopped and hands.units:
            hands.units.start(adoption.stopped, adoption.enabled)
            told.append(f"started again: {', '.join(adoption.stopped)}")
        if adoption.before and fronts:
            fronts.back(_place(adoption), adoption.front, adoption.before)
            told.append("nginx's files are what they were, byte for byte")
        return (*told, f"the releases of {_place(adoption)} run on; fairlead down ends them")

    undone = msgspec.structs.replace(adoption, stopped=(), enabled=(), before=())
    return _noted(hands, undone, Stage.UNDONE, "users handed back to the hand-made state", act)


def confirm(hands: Hands, adoption: Adoption) -> Done:
    """Stop and disable the hand-made units; their files, and the clone, stay.

    Raises Refused before the switch, and while requests are open with them.
    """
    if adoption.stage is Stage.CONFIRMED:
        return Done(adoption, ("it is confirmed already",))
    units, fronts = hands.units, hands.fronts
    if units is None:
        raise Refused("systemd is out of reach from here", "as root, on the server")
    if adoption.stage is not Stage.SWITCHED and adoption.front.edits:
        raise Refused(
            f"{_place(adoption)}: users still come to the hand-made state",
            "fairlead adopt --agree DIR hands them over first",
        )
    still = fronts.open_with(adoption.front) if fronts else 0
    if still:
        what = f"{still} requests are open with the hand-made processes"
        raise Refused(what, "try again once they have ended")
    kept = adoption
    if not adoption.stopped:  # asked again after a crash, there is nothing left to see
        running, enabled = units.active(adoption.units), units.enabled(adoption.units)
        kept = msgspec.structs.replace(adoption, stopped=running, enabled=enabled)
        hands.shelf.put(kept)

    def act() -> tuple[str, ...]:
        units.stop(adoption.units)
        return (
            f"stopped and disabled: {', '.join(adoption.units)}; their files are kept",
            f"the clone {adoption.clone} is as it was",
        )

    return _noted(hands, kept, Stage.CONFIRMED, "the hand-made units were ended", act)


def _noted(
    hands: Hands, adoption: Adoption, stage: Stage, why: str, act: Callable[[], tuple[str, ...]]
) -> Done:
    """Do it, with the intent before and the outcome after; the stage is kept when it is done."""
    place, facts = _place(adoption), {"items": adoption.front.names or adoption.units}

    def event(outcome: Outcome, said: str, intent: int = 0) -> Event:
        return Event(
            Verb.ADOPT, outcome, hands.who, said, place.app, place.environment,
            facts=facts, intent=intent,
        )  # fmt: skip

    intent = hands.journal.write(event(Outcome.INTENT, why))
    try:
        told = act()
    except FairleadError as error:
        refused = isinstance(error, Refused)
        outcome = Outcome.REFUSED if refused else Outcome.FAILED
        hands.journal.write(event(outcome, error.what, intent))
        raise
    done = msgspec.structs.replace(adoption, stage=stage)
    hands.shelf.put(done)
    hands.journal.write(event(Outcome.DONE, why, intent))
    return Done(done, told)


def _place(adoption: Adoption) -> Place:
    return Place(adoption.app, adoption.environment)


def _own_address(adoption: Adoption) -> str:
    if not adoption.front.edits:
        return "nothing in front was found: the releases serve at an address of their own"
    return (
        "nginx is out of reach of this home, so users still come to the hand-made state; the "
        "releases serve at an address of their own"
    )


def _how_back(adoption: Adoption) -> str:
    return f"fairlead adopt --undo {adoption.app} hands them back; --confirm makes it final"
