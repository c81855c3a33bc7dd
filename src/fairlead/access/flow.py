"""Giving somebody a key, and taking it away."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from fairlead.access import rules
from fairlead.access.model import Key, Person, Right
from fairlead.access.ports import People
from fairlead.base.clock import Clock, stamp
from fairlead.base.errors import NotFound
from fairlead.base.journal import Event, Fact, Journal, Outcome, Verb


@dataclass(frozen=True)
class Gate:
    """What the flow works with. ``me`` is who acts."""

    people: People
    journal: Journal
    clock: Clock
    me: str


def add(gate: Gate, name: str, key: Key, rights: Sequence[Right]) -> Person:
    """Let somebody come with a key. Safe to repeat. Raises UsageError."""
    before = gate.people.all()
    dated = msgspec.structs.replace(key, added=stamp(gate.clock.now()))
    after = rules.with_key(before, name, dated, rights)
    made = rules.found(after, name)
    assert made is not None
    if after != before:
        _change(gate, after, f"{name} may come with {key.fingerprint}", _facts("added", made, key))
    else:
        gate.people.put(after)  # what was killed half way is whole again
    return made


def remove(gate: Gate, name: str, fingerprint: str = "") -> tuple[Key, ...]:
    """Take one key of somebody away, or all; those that were. Raises NotFound."""
    before = gate.people.all()
    was = rules.found(before, name)
    gone = tuple(k for k in was.keys if fingerprint in ("", k.fingerprint)) if was else ()
    if was is None or not gone:
        what = f"no such key of {name}: {fingerprint}" if was else f"nobody is called {name}"
        raise NotFound(what, "fairlead server key list")
    facts = _facts("removed", was, *gone)
    _change(gate, rules.without(before, name, fingerprint), f"{name} comes no more", facts)
    return gone


def _facts(how: str, person: Person, *keys: Key) -> dict[str, Fact]:
    return {
        "how": how,
        "person": person.name,
        "keys": [key.fingerprint for key in keys],
        "rights": [str(right) for right in person.rights],
    }


def _change(gate: Gate, people: tuple[Person, ...], why: str, facts: dict[str, Fact]) -> None:
    intent = gate.journal.write(Event(Verb.ACCESS, Outcome.INTENT, gate.me, why, facts=facts))
    gate.people.put(people)
    gate.journal.write(Event(Verb.ACCESS, Outcome.DONE, gate.me, why, facts=facts, intent=intent))


def refuse(gate: Gate, who: str, why: str, command: str, app: str = "") -> None:
    """Write down that somebody was refused; ``command`` is what they asked for."""
    facts: dict[str, Fact] = {"how": "refused", "person": who, "command": command}
    gate.journal.write(Event(Verb.ACCESS, Outcome.REFUSED, who, why, app, facts=facts))
