"""The chain: how an event becomes a row, and how rows are found out.

    hash of n = sha256(hash of n-1 ‖ body of n), and 32 zero bytes stand before entry 1

``body`` is the entry's canonical JSON (``base.canonical``, RFC 8785), which holds the entry's
number and time. That a log whose every entry vouches for all before it shows tampering once
its head is known elsewhere is the idea of RFC 6962; a plain chain does for one reader and one
writer what its Merkle tree does for many.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from fairlead.base.canonical import canonical
from fairlead.base.errors import FairleadError
from fairlead.base.journal import FACTS, Event, Fact, Outcome, Verb
from fairlead.record.model import Broken, Entry, Fault, Head, Verified
from fairlead.record.ports import Row, Seal, Sealed
from fairlead.record.references import references

ZERO = bytes(32)
_EXACT = 2**53 - 1  # I-JSON (RFC 7493, 2.2), which RFC 8785 builds on: exact in every reader
_decoder = msgspec.json.Decoder(Entry)


def head(seq: int, digest: bytes) -> Head:
    """A store's head as a value."""
    return Head(seq, digest.hex())


def sealing(event: Event, at: str) -> Seal:
    """A function that makes the event's row once the head it follows is known.

    ``at`` is a time as ``base.clock.stamp`` writes it.

    Raises TypeError for an event that no record may hold: an unknown fact, a float, a Secret.
    """
    fields = _fields(event, at)

    def seal(seq: int, previous: bytes) -> Sealed:
        return sealed({**fields, "seq": seq + 1}, previous)

    return seal


def sealed(fields: dict[str, object], previous: bytes) -> Sealed:
    """The row of these fields after ``previous``. Raises TypeError if it closes a later entry."""
    body = canonical(fields)
    entry = entry_of(Row(0, "", previous, hashlib.sha256(previous + body).digest(), body))
    if not 0 <= entry.intent < entry.seq:
        raise TypeError(f"entry {entry.seq} cannot close entry {entry.intent}")
    row = Row(entry.seq, entry.at, previous, bytes.fromhex(entry.hash), body)
    return Sealed(row, references(entry), entry.outcome == Outcome.INTENT, entry.intent)


def entry_of(row: Row) -> Entry:
    """The row's entry. Raises FairleadError when its body is not one of ours."""
    try:
        entry = _decoder.decode(row.body)
    except msgspec.DecodeError as error:
        what = f"entry {row.seq} of the record cannot be read: {error}"
        raise FairleadError(what, "fairlead record verify says what was done to it") from error
    return msgspec.structs.replace(entry, previous=row.previous.hex(), hash=row.hash.hex())


def _fields(event: Event, at: str) -> dict[str, object]:
    """An event's fields as they stand in a body, but for its number."""
    unknown = set(event.facts) - FACTS[Verb(event.verb)]
    if unknown:
        raise TypeError(f"no such fact of {event.verb}: {', '.join(sorted(unknown))}")
    return {
        "at": at,
        "verb": Verb(event.verb).value,
        "outcome": Outcome(event.outcome).value,
        "who": _text("who", event.who),
        "why": _text("why", event.why),
        "app": _text("app", event.app),
        "environment": _text("environment", event.environment),
        "release": _number("release", event.release),
        "facts": {name: _fact(name, value) for name, value in event.facts.items()},
        "intent": _number("intent", event.intent),
    }


def _fact(name: str, value: Fact) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _number(name, value)
    if isinstance(value, list | tuple):
        return [_text(name, item) for item in value]
    return _text(name, value)


def _number(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT:
        return int(value)
    raise TypeError(f"{name} must be a whole number below 2^53, not a {type(value).__name__}")


def _text(name: str, value: object) -> str:
    """The text, with bytes that are not UTF-8 (a file's or a branch's name) shown escaped.

    The error names the type and never the value, which may be a secret.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    raise TypeError(f"{name} must be a text, not a {type(value).__name__}")


class _Step(NamedTuple):
    """A row that has held where it stands, and its entry."""

    row: Row
    entry: Entry


def walk(
    rows: Iterable[Row],
    index: Iterable[tuple[int, str, str]],
    open_: Iterable[int],
    anchors: Iterable[Head],
) -> Verified | Broken:
    """Verify a whole store as a stream, in memory that does not grow with it.

    The first fault in the order of the entries is named.
    """
    state = _Walk(anchors)
    try:
        return state.over(iter(rows), index) or state.end(open_)
    except FairleadError as error:
        return Broken(state.reached + 1, Fault.DAMAGED, error.what)


class _Walk:
    """How far a walk has come, and what it knows by then."""

    def __init__(self, anchors: Iterable[Head]) -> None:
        self._anchors = _Anchors(anchors)
        self._lines = _Lines(())
        self._intents: set[int] = set()
        self._last: _Step | None = None

    @property
    def reached(self) -> int:
        """The newest entry that holds where it stands."""
        return self._last.row.seq if self._last else 0

    def over(self, rows: Iterator[Row], index: Iterable[tuple[int, str, str]]) -> Broken | None:
        """Follow the chain to its end.

        What stands beside a row is looked at only once the next row has held, because only
        that shows that a row was slipped in.
        """
        self._lines = _Lines(index)
        for row in rows:
            step = _follow(row, self._last, rows)
            fault = self._beside(self._last)
            if isinstance(step, Broken):
                return step if fault is None or step.seq <= self.reached else fault
            if fault is not None:
                return fault
            self._last = step
        return self._beside(self._last)

    def end(self, open_: Iterable[int]) -> Verified | Broken:
        """What can be said once the last row has held."""
        seq, digest = (self._last.row.seq, self._last.row.hash) if self._last else (0, ZERO)
        cut = self._anchors.beyond(seq) or self._lines.beyond(seq)
        if cut:
            return cut
        differing = sorted(self._intents.symmetric_difference(open_))
        if differing:
            what = f"the list of open intents is not what the entries say of entry {differing[0]}"
            return Broken(differing[0], Fault.INDEX_EDITED, what)
        return Verified(seq, head(seq, digest), self._anchors.vouched)

    def _beside(self, last: _Step | None) -> Broken | None:
        """Check what stands beside a row that holds: signed heads, the index; note its intent."""
        if last is None:
            return None
        row, entry = last
        if entry.outcome == Outcome.INTENT:
            self._intents.add(entry.seq)
        elif entry.intent:
            self._intents.discard(entry.intent)
        return self._anchors.check(row) or self._lines.check(row, entry)


def _follow(row: Row, last: _Step | None, rest: Iterator[Row]) -> _Step | Broken:
    """The row as the one after ``last``, or what is wrong."""
    seq, previous = (last.row.seq + 1, last.row.hash) if last else (1, ZERO)
    holds = hashlib.sha256(previous + row.body).digest() == row.hash
    if holds and row.previous == previous and row.seq == seq:
        try:
            entry = _decoder.decode(row.body)
        except msgspec.DecodeError:
            return Broken(seq, Fault.EDITED, f"entry {seq} is not an entry")
        if entry.seq == seq:
            return _Step(row, entry)
    return _fault(row, seq, previous, last, next(rest, None))


def _fault(row: Row, seq: int, previous: bytes, last: _Step | None, after: Row | None) -> Broken:
    """Name the fault of a row that does not stand at ``seq`` after ``previous``.

    ``after`` is the row that follows it, which tells a removal from a swap and an
    insertion from an edit.
    """
    if row.seq < seq:
        return Broken(row.seq, Fault.INSERTED, f"entry {row.seq} has a number no entry has")
    if row.seq > seq:
        return _gone(seq)
    if last and row.body == last.row.body:
        return Broken(seq, Fault.INSERTED, f"entry {seq} is a copy of the one before it")
    if last and last.row.previous == row.previous and _said(row) == last.row.seq:
        slipped = last.row.seq
        return Broken(
            slipped, Fault.INSERTED, f"entry {slipped} was slipped in before {_whose(row)}"
        )
    if after and _said(after) == seq and after.previous == previous != row.previous != after.hash:
        return Broken(
            seq, Fault.INSERTED, f"entry {seq} was slipped in: the one after it takes its place"
        )
    if hashlib.sha256(row.previous + row.body).digest() != row.hash:
        return Broken(
            seq, Fault.EDITED, f"entry {seq} is not what was written: its hash does not hold"
        )
    return _misplaced(row, seq, last, after)


def _misplaced(row: Row, seq: int, last: _Step | None, after: Row | None) -> Broken:
    """Name the fault of a row that is whole in itself and does not belong at ``seq``."""
    said = _said(row)
    if said == seq and last:
        what = f"entry {seq - 1} is not the one that entry {seq} was chained to"
        return Broken(seq - 1, Fault.EDITED, what)
    if said is not None and said > seq and (after is None or _said(after) == said + 1):
        return _gone(seq)
    if said is not None and said != seq:
        return Broken(seq, Fault.REORDERED, f"where entry {seq} should be stands entry {said}")
    return Broken(seq, Fault.EDITED, f"entry {seq} does not follow the entry before it")


def _gone(seq: int) -> Broken:
    return Broken(seq, Fault.REMOVED, f"entry {seq} is not there, and later ones are")


def _said(row: Row) -> int | None:
    """The number that a row's body says it has; None when the body is not one of ours."""
    try:
        return _decoder.decode(row.body).seq
    except msgspec.DecodeError:
        return None


def _whose(row: Row) -> str:
    return f"the entry that was written as {_said(row)}"


class _Anchors:
    """The signed heads, met in order while the chain is walked."""

    def __init__(self, anchors: Iterable[Head]) -> None:
        self._ahead = sorted(anchors, key=lambda anchor: anchor.seq, reverse=True)
        self.vouched = 0

    def check(self, row: Row) -> Broken | None:
        """Whether the row is the one that was signed, where one was."""
        while self._ahead and self._ahead[-1].seq <= row.seq:
            anchor = self._ahead.pop()
            if anchor.seq == row.seq and anchor.hash != row.hash.hex():
                return self._rewritten(anchor)
            self.vouched = anchor.seq
        return None

    def beyond(self, seq: int) -> Broken | None:
        """Whether an entry was signed that the record no longer reaches."""
        if not self._ahead or self._ahead[0].seq <= seq:
            return None
        newest = self._ahead[0].seq
        what = f"the record ends at entry {seq}, and entry {newest} was signed: its tail was cut"
        return Broken(seq + 1, Fault.TRUNCATED, what)

    def _rewritten(self, anchor: Head) -> Broken:
        first = self.vouched + 1
        what = (
            f"entry {anchor.seq} is not the one that was signed: "
            f"the record was written anew somewhere from entry {first} to entry {anchor.seq}"
        )
        return Broken(first, Fault.REWRITTEN, what)


class _Lines:
    """The index, met in order while the chain is walked."""

    def __init__(self, index: Iterable[tuple[int, str, str]]) -> None:
        self._lines = iter(index)
        self._next = next(self._lines, None)

    def check(self, row: Row, entry: Entry) -> Broken | None:
        """Whether the row's index says what its entry says, no less and no more."""
        if row.at != entry.at:
            return self._edited(row.seq, "time")
        for kind, value in references(entry):
            if self._next != (row.seq, kind, value):
                return self._edited(row.seq, f"{kind} {value}")
            self._next = next(self._lines, None)
        if self._next is not None and self._next[0] <= row.seq:
            number, kind, value = self._next
            return self._edited(min(number, row.seq), f"{kind} {value}")
        return None

    def beyond(self, seq: int) -> Broken | None:
        """Whether the index knows an entry that the record does not have."""
        if self._next is None:
            return None
        what = f"the record ends at entry {seq}, and its index names entry {self._next[0]}"
        return Broken(seq + 1, Fault.TRUNCATED, what)

    def _edited(self, seq: int, thing: str) -> Broken:
        what = (
            f"the index of entry {seq} is not what the entry says ({thing}); the entry itself holds"
        )
        return Broken(seq, Fault.INDEX_EDITED, what)
