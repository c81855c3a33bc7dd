"""What is written down: an event, and the port it is written through.

An effect is written twice: an *intent* before it and an *outcome* after it that
names the intent. So nothing is recorded before it happened, and nothing happens
unrecorded (promise 5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

Fact = str | int | bool | Sequence[str]
"""A fact is plain; never a float (no canonical form), never a secret."""


class Verb(StrEnum):
    """What was done. A new verb is a line here and a line in ``FACTS``."""

    PUSH = "push"
    VERIFY = "verify"
    BUILD = "build"
    RELEASE = "release"
    DESIRE = "desire"
    APPROVE = "approve"
    ROLLOUT = "rollout"
    STEP = "step"
    DRIFT = "drift"
    ADOPT = "adopt"
    CLEAN = "clean"
    LEASE = "lease"
    AGENT = "agent"
    KEY = "key"
    ACCESS = "access"
    SERVER = "server"
    DATABASE = "database"
    RENEW = "renew"
    SOURCE = "source"
    WAIVE = "waive"
    CLIENT = "client"


FACTS: Mapping[Verb, frozenset[str]] = {
    Verb.PUSH: frozenset({"ref", "old", "commit", "subject", "receiver", "source", "rewritten"}),
    Verb.VERIFY: frozenset({"commit", "subject", "tree", "verdict", "checks", "log", "overlay"}),
    Verb.BUILD: frozenset(
        {"commit", "digest", "environment_key", "milliseconds", "log", "overlay"}
    ),
    Verb.RELEASE: frozenset(
        {"commit", "subject", "digest", "file", "settings", "schema", "secrets", "overlay"}
    ),
    Verb.DESIRE: frozenset(
        {
            "revision",
            "commit",
            "digest",
            "how",
            "previous",
            "settings_changed",
            "secrets_changed",
            "overlay",
            "plan",
        }
    ),
    Verb.APPROVE: frozenset({"plan", "revision", "key"}),
    Verb.ROLLOUT: frozenset(
        {
            "revision",
            "commit",
            "digest",
            "plan",
            "how",
            "previous",
            "milliseconds",
            "token",
            "reason",
            "requests",
            "failed",
        }
    ),
    Verb.STEP: frozenset(
        {"revision", "step", "stage", "role", "copy", "pid", "weights", "detail", "token"}
    ),
    Verb.DRIFT: frozenset({"revision", "items", "how"}),
    Verb.ADOPT: frozenset({"items", "revision"}),
    Verb.CLEAN: frozenset({"removed", "kept", "bytes"}),
    Verb.LEASE: frozenset({"token", "owner", "taken_from", "reason"}),
    Verb.AGENT: frozenset({"pid", "version", "reason"}),
    Verb.ACCESS: frozenset({"how", "person", "keys", "rights", "command"}),
    Verb.SERVER: frozenset({"how", "version", "previous", "steps", "kept"}),
    Verb.DATABASE: frozenset({"how", "database", "role"}),
    Verb.KEY: frozenset({"how", "keys", "files", "revision", "lost"}),
    Verb.RENEW: frozenset({"names", "until", "serial", "reason", "how"}),
    Verb.SOURCE: frozenset({"how", "source", "branches", "key", "host_keys"}),
    Verb.WAIVE: frozenset({"how", "check", "rule", "subject", "until", "revision"}),
    Verb.CLIENT: frozenset({"how", "client", "until", "revision"}),
}
"""Which facts an entry of each verb may hold; the record refuses others."""


class Outcome(StrEnum):
    """How far it got."""

    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to write down. ``why`` is a sentence; ``intent`` is the entry this one closes."""

    verb: Verb
    outcome: Outcome
    who: str
    why: str
    app: str = ""
    environment: str = ""
    release: int = 0
    facts: Mapping[str, Fact] = field(default_factory=dict)
    intent: int = 0


class Journal(Protocol):
    """Where events are written."""

    def write(self, event: Event) -> int:
        """Durable before it returns; the entry's number, from 1.

        Raises FairleadError when the entry could not be made durable: then the
        effect it announces must not be started.
        """
        ...

    def is_open(self, intent: int) -> bool:
        """Whether no outcome has closed that entry yet.

        Asked where an ending may have been written by a process that died right after.
        """
        ...
