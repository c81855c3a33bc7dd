"""The record's nouns: an entry, the chain's head, and the answers that the record gives.

Times are RFC 3339 in UTC with microseconds. Hashes are 64 lower-case hex digits.
"""

from collections.abc import Callable
from enum import StrEnum

import msgspec

FACT = str | int | bool | tuple[str, ...]


class Head(msgspec.Struct, frozen=True):
    """How far a chain has come. An empty one is at 0, with 32 zero bytes for a hash.

    A head that was signed elsewhere (the deploy repo) is an *anchor*.
    """

    seq: int
    hash: str


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line of the record: an event, when it was written, and its place in the chain.

    ``verb`` and ``outcome`` are the values of ``base.journal``'s enums; they are texts here so
    that an older Fairlead can read, verify and show what a newer one wrote.
    """

    seq: int
    at: str
    verb: str
    outcome: str
    who: str
    why: str
    app: str = ""
    environment: str = ""
    release: int = 0
    facts: dict[str, FACT] = {}
    intent: int = 0
    previous: str = ""
    hash: str = ""

    def text(self, fact: str) -> str:
        """The fact as text; "" when the entry has none of that name."""
        value = self.facts.get(fact, "")
        return ", ".join(value) if isinstance(value, tuple) else str(value)

    def number(self, fact: str) -> int | None:
        """The fact as a whole number; None when it has none of that name, or it is no number."""
        value = self.facts.get(fact)
        if isinstance(value, str):
            return int(value) if len(value) < 17 and value.isascii() and value.isdecimal() else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def texts(self, fact: str) -> tuple[str, ...]:
        """The fact as a list of texts; empty when the entry has none of that name."""
        value = self.facts.get(fact, ())
        return value if isinstance(value, tuple) else (str(value),)


class Fault(StrEnum):
    """How an entry fails to hold."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"  # the chain holds in itself, and is not the one whose head was signed
    INDEX_EDITED = "index edited"
    DAMAGED = "damaged"  # the store itself cannot be read


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """The first entry that does not hold, and how. Every entry before it holds."""

    seq: int
    how: Fault
    what: str


class Verified(msgspec.Struct, frozen=True, tag="verified"):
    """Every entry holds. ``anchored`` is the newest entry that a signed head vouches for, or 0."""

    entries: int
    head: Head
    anchored: int = 0


class Link(msgspec.Struct, frozen=True):
    """One station of a trace: what it says, which entry says so (0: none does).

    ``ok`` is None where the record does not know.
    """

    station: str
    text: str
    ok: bool | None
    seq: int = 0
    at: str = ""


class Trace(msgspec.Struct, frozen=True):
    """What became of a thing, in one line. ``meaning`` says what the asked text was read as.

    ``also`` names other environments that the release was desired in.
    """

    asked: str
    meaning: str
    line: str
    app: str = ""
    release: int = 0
    commit: str = ""
    digest: str = ""
    environment: str = ""
    links: tuple[Link, ...] = ()
    also: tuple[str, ...] = ()


class ReleaseFacts(msgspec.Struct, frozen=True):
    """What the record asks about a release; its file lies in the deploy repo.

    ``dependencies`` are (name, version); ``settings`` are (environment, ((name, value), ...)) of
    plain settings; ``schema`` is a digest, "" for none. ``subject`` is the commit's first line.
    ``secrets`` are (environment, ((name, version), ...)).
    """

    commit: str
    subject: str = ""
    dependencies: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    schema: str = ""
    secrets: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()


FactsOf = Callable[[str, int], ReleaseFacts | None]
"""(app, release number) → its facts, or None when there is no such release."""

CommitsBetween = Callable[[str, str, str], tuple[str, ...]]
"""(app, older commit, newer commit) → one line per commit, newest first; empty: not known."""


class Differs(msgspec.Struct, frozen=True):
    """One name whose value differs; "" stands for absent."""

    name: str
    old: str
    new: str


class Difference(msgspec.Struct, frozen=True):
    """What a release changed against the one before it. ``known`` is False without both files.

    ``secrets`` are told by their versions.
    """

    previous: int
    known: bool
    old_commit: str = ""
    new_commit: str = ""
    commits: tuple[str, ...] = ()
    dependencies: tuple[Differs, ...] = ()
    settings: tuple[Differs, ...] = ()
    schema: bool = False
    secrets: tuple[Differs, ...] = ()


class Kind(StrEnum):
    """What sort of change a line of ``changed`` is."""

    RELEASE = "release"
    ROLLBACK = "rollback"
    RETURN = "return"
    REPAIR = "repair"
    DESIRED = "desired"  # and no rollout of it ended in the stretch asked about
    REFUSED = "refused"
    FAILED = "failed"
    NOT_KNOWN = "not known"
    DRIFT = "drift"
    ADOPTED = "adopted"
    APPROVAL = "approval"
    AGENT = "agent"
    TAKEOVER = "lease takeover"
    CLEAN = "clean"
    KEY = "key"
    ACCESS = "access"
    SERVER = "server"
    DATABASE = "database"
    CERTIFICATE = "certificate"
    SOURCE = "source"
    WAIVER = "waiver"
    CLIENT = "client"


class Happened(msgspec.Struct, frozen=True):
    """One change: when, who, why, and the sentence that says it."""

    seq: int
    at: str
    kind: Kind
    who: str
    why: str
    sentence: str
    app: str = ""
    environment: str = ""
    release: int = 0
    difference: Difference | None = None


class Changed(msgspec.Struct, frozen=True):
    """Every change from ``since`` (included) to ``until`` (excluded), oldest first."""

    since: str
    until: str
    happened: tuple[Happened, ...]
