"""What an entry is about: pure, so that the index can always be checked against the entries."""

from fairlead.base.journal import Outcome, Verb
from fairlead.record.model import Entry
from fairlead.record.ports import Reference

COMMIT, DIGEST, RELEASE, PID = "commit", "digest", "release", "pid"
REVISION, PLAN, SERVING = "revision", "plan", "serving"

_FACTS = (COMMIT, DIGEST, PID, PLAN, REVISION)  # sorted
# A release is stepped and drifted from any number of times; those are found by their
# revision. What is indexed by release stays short: its making, desires and rollouts.
_STORY = frozenset({Verb.RELEASE.value, Verb.DESIRE.value, Verb.APPROVE.value, Verb.ROLLOUT.value})


def references(entry: Entry) -> list[Reference]:
    """The entry's lines in the index, sorted, each once."""
    facts = entry.facts
    found = [(kind, str(facts[kind])) for kind in _FACTS if facts.get(kind)]
    if entry.verb in _STORY:
        found += _story(entry)
        found.sort()
    return found


def release(app: str, number: int) -> str:
    """How a release stands in the index."""
    return f"{app}/{number}"


def place(app: str, environment: str) -> str:
    """How a place stands in the index."""
    return f"{app}/{environment}"


def _story(entry: Entry) -> list[Reference]:
    """The release it is about, the one it takes the place of, and where it serves from now on."""
    numbers = {entry.release, entry.number("previous") or 0}
    found = [(RELEASE, release(entry.app, number)) for number in numbers - {0}]
    if entry.verb == Verb.ROLLOUT and entry.outcome == Outcome.DONE:
        found.append((SERVING, place(entry.app, entry.environment)))
    return found
