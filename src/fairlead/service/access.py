"""Who may come over SSH, and whether they may do what they ask for."""

import msgspec

from fairlead.access import command, flow, public_key, rules
from fairlead.access.flow import Gate
from fairlead.access.model import Person
from fairlead.base.errors import FairleadError, NotAllowed
from fairlead.base.ids import name as checked
from fairlead.base.text import printable
from fairlead.service.tools import Tools

_SHOWN = 200  # characters of a refused command that the record keeps


class KeyLine(msgspec.Struct, frozen=True):
    """One key that somebody comes with."""

    person: str
    algorithm: str
    fingerprint: str
    added: str
    rights: tuple[str, ...]


class KeyList(msgspec.Struct, frozen=True):
    """Every key that opens the door."""

    keys: tuple[KeyLine, ...]


class KeyDone(msgspec.Struct, frozen=True):
    """What was done with somebody's keys ("added", "removed"), and which."""

    done: str
    person: str
    fingerprints: tuple[str, ...]
    rights: tuple[str, ...]


def key_add(tools: Tools, name: str, text: str, rights: tuple[str, ...]) -> KeyDone:
    """Let somebody come with the public key in ``text``. Raises UsageError."""
    key, wanted = public_key.parse_key(text), [rules.parse_right(right) for right in rights]
    made = flow.add(_gate(tools), checked(name, "a person"), key, wanted)
    return KeyDone("added", name, (key.fingerprint,), _rights(made))


def key_remove(tools: Tools, name: str, fingerprint: str = "") -> KeyDone:
    """Take one key of somebody away, or all of them. Raises NotFound."""
    gone = flow.remove(_gate(tools), name, fingerprint)
    left = rules.found(tools.people.all(), name)
    return KeyDone("removed", name, tuple(k.fingerprint for k in gone), _rights(left))


def key_list(tools: Tools) -> KeyList:
    """Every key, by its person's name."""
    return KeyList(
        tuple(
            KeyLine(person.name, key.algorithm, key.fingerprint, key.added, _rights(person))
            for person in tools.people.all()
            for key in person.keys
        )
    )


def refuse_unless(tools: Tools, who: str, verb: str, *apps: str, asked: str = "") -> None:
    """Raises NotAllowed, written down, unless ``who`` has the right to ``verb`` on each app."""
    actor = rules.found(tools.people.all(), who)
    for app in apps:
        if not rules.may(actor, verb, app):
            on = app or "everything"
            what = f"{who} may not {verb} {on}"
            flow.refuse(_gate(tools), who, what, _shown(asked or verb), app)
            raise NotAllowed(what, f"{who} may: {rules.told(actor)}")


def understood(tools: Tools, who: str, text: str) -> command.Hello | command.Git | command.Words:
    """What a command asks for. Raises NotAllowed or UsageError, written down."""
    try:
        return command.parse(text)
    except FairleadError as error:
        flow.refuse(_gate(tools), who, error.what, _shown(text))
        raise


def greeting(tools: Tools, who: str) -> tuple[str, ...]:
    """Who somebody is here, and what they may do."""
    actor = rules.found(tools.people.all(), who)
    apps = ", ".join(tools.apps()) or "none yet"
    return (
        f"You are {who}. You may: {rules.told(actor)}.",
        f"Apps here: {apps}.",
        f"Push with git, or ask: {', '.join(command.FORMS)}.",
    )


def _gate(tools: Tools) -> Gate:
    return Gate(tools.people, tools.record, tools.clock, tools.me)


def _rights(person: Person | None) -> tuple[str, ...]:
    return tuple(str(right) for right in person.rights) if person else ()


def _shown(text: str) -> str:
    return printable(text)[:_SHOWN]
