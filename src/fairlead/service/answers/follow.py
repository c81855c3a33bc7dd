"""Following one desired state to its end: the rollout, and the return when that fails."""

from collections.abc import Callable
from enum import StrEnum

import msgspec

from fairlead.base.errors import Unknown
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from fairlead.record.chain import entry_of
from fairlead.record.flow import read
from fairlead.record.model import Entry
from fairlead.record.references import REVISION
from fairlead.record.rules import duration, failures, sentence
from fairlead.service.tools import Tools

PAUSE = 0.02
"""Seconds between two looks at the record."""

ASK_AGENT = 1.0
"""Seconds between two questions whether an agent is alive."""

GONE_AFTER = 5.0
"""Seconds without an agent after which nobody is waited for: a supervisor starts one again
within that."""

STUCK_AFTER = 10.0
"""Seconds an agent that refused a place may take to change its mind."""

Show = Callable[[Entry], None]


class How(StrEnum):
    """How a desired state ended."""

    DONE = "done"
    RETURNED = "returned"  # it failed, and the release before serves
    FAILED = "failed"  # it failed, and there was nothing, or no way, to go back to
    REFUSED = "refused"  # it was not begun
    WAITING = "waiting"  # it waits for an approval
    GONE = "gone"  # something else is desired in its place


class FollowEnd(msgspec.Struct, frozen=True):
    """How it ended, in a sentence; ``release`` is the one it was about, or, once returned,
    the one that serves."""

    outcome: How
    sentence: str
    release: int


def follow_revision(tools: Tools, place: Place, revision: str, since: int, show: Show) -> FollowEnd:
    """Wait until what the deploy repo's commit ``revision`` asked for has its outcome.

    ``show`` gets every entry about the place that is written after entry ``since``, once.
    Raises Unknown, with what to do, when no agent is alive to carry it out.
    """
    watch = _Watch(tools, place, revision)
    while True:
        entries = read(tools.store, since)
        for entry in entries:
            since = entry.seq
            if (entry.app, entry.environment) == tuple(place):
                show(entry)
                if end := watch.see(entry):
                    return end
        if not entries:
            if end := watch.quiet():
                return end
            tools.clock.sleep(PAUSE)


class _Watch:
    """What is known so far of one revision, and of the return that follows it."""

    def __init__(self, tools: Tools, place: Place, revision: str) -> None:
        self._tools = tools
        self._place = place
        self._revision = revision
        self._asked_by = self._own_desire()
        self._failed: Entry | None = None
        self._refusal: Entry | None = None
        self._refused_at = 0.0
        self._alive_at = tools.clock.now()
        self._asked_at = 0.0
        self._looked = False

    def see(self, entry: Entry) -> FollowEnd | None:
        """What an entry of the place means for it."""
        match entry.verb:
            case Verb.ROLLOUT:
                return self._rollout(entry)
            case Verb.DESIRE:
                return self._desire(entry)
            case Verb.AGENT if entry.outcome == Outcome.REFUSED:
                self._refusal, self._refused_at = entry, self._tools.clock.now()
        return None

    def quiet(self) -> FollowEnd | None:
        """Nothing new is on record: was it over before, is anybody at work?"""
        if not self._looked:
            self._looked = True
            if end := self._before():
                return end
        now = self._tools.clock.now()
        if self._refusal and now - self._refused_at > STUCK_AFTER:
            return FollowEnd(How.REFUSED, self._refusal.why, self._refusal.release)
        if now - self._asked_at >= ASK_AGENT:
            self._asked_at = now
            self._ask(now)
        return None

    def _before(self) -> FollowEnd | None:
        """It may have ended, or been proposed, before the entries we were asked to show."""
        rows = self._tools.store.find(REVISION, self._revision, limit=50, newest=True)
        for entry in map(entry_of, rows):
            if (entry.app, entry.environment) != tuple(self._place):
                continue
            if entry.verb == Verb.ROLLOUT and (end := self._rollout(entry)):
                return end
            if entry.text("how") == "proposed" and (end := self._desire(entry)):
                return end
        return None

    def _own_desire(self) -> int:
        """The entry of the revision's own desire: what is older cannot take its place."""
        rows = self._tools.store.find(REVISION, self._revision, limit=50)
        return next((e.seq for e in map(entry_of, rows) if e.verb == Verb.DESIRE), 0)

    def _ask(self, now: float) -> None:
        if self._tools.machine.seen().listening:
            self._alive_at = now
        if now - self._alive_at >= GONE_AFTER:
            raise Unknown(
                f"no agent is at work, so nobody carries this out: {self._place}",
                "fairlead agent start",
            )

    def _rollout(self, entry: Entry) -> FollowEnd | None:
        if entry.text("revision") != self._revision or entry.outcome == Outcome.INTENT:
            return None
        self._refusal = None
        if entry.outcome == Outcome.DONE:
            return self._done(entry)
        if self._failed is None:
            self._failed = entry
        if entry.text("how") == "return" or not self._comes_back():
            return self._ended_badly(entry)
        return None

    def _comes_back(self) -> bool:
        """Whether there is a release before it that Fairlead goes back to."""
        wanted = self._tools.desired(self._place)
        return wanted is not None and (wanted.previous > 0 or wanted.how == "return")

    def _done(self, entry: Entry) -> FollowEnd:
        if self._failed:
            why = self._failed.why.rstrip(".")
            refused = self._failed.outcome == Outcome.REFUSED
            said = f"{why}. Release {entry.release} serves {self._place.environment}, as before."
            return FollowEnd(How.REFUSED if refused else How.RETURNED, said, entry.release)
        took = entry.number("milliseconds")
        quick = f" after {duration(took)}" if took is not None else ""
        said = f"Release {entry.release} serves {self._place.environment}{quick}; {told(entry)}."
        return FollowEnd(How.DONE, said, entry.release)

    def _ended_badly(self, entry: Entry) -> FollowEnd:
        first = self._failed or entry
        if entry is first or entry.why == first.why:
            said = f"{first.why.rstrip('.')}. There was no release to go back to."
        else:
            said = f"{first.why.rstrip('.')}. The way back failed as well: {entry.why}"
        return FollowEnd(How.FAILED, said, first.release)

    def _desire(self, entry: Entry) -> FollowEnd | None:
        revision = entry.text("revision")
        if entry.outcome == Outcome.INTENT:
            return None
        if entry.outcome != Outcome.DONE:
            returning = self._failed and entry.text("how") == "return"
            return self._ended_badly(entry) if returning else None
        if revision == self._revision:
            return self._waits(entry) if entry.text("how") == "proposed" else None
        if entry.text("how") == "proposed" or not entry.release or entry.seq < self._asked_by:
            return None  # beside what is desired (settings for the next release), or before it
        if self._failed and entry.text("how") == "return":
            self._revision = revision
            return None
        return self._gone(entry)

    def _waits(self, entry: Entry) -> FollowEnd:
        said = f"Release {entry.release} waits for approval: fairlead approve {self._place}"
        return FollowEnd(How.WAITING, said, entry.release)

    def _gone(self, entry: Entry) -> FollowEnd:
        said = f"Something else was asked for meanwhile: {sentence(entry)}"
        return FollowEnd(How.GONE, said, entry.release)


def told(entry: Entry) -> str:
    """A rollout's requests: ``0 of 1200 requests failed``, or what is known of them."""
    requests, failed = entry.number("requests"), entry.number("failed")
    if requests is None or failed is None:
        return failures(entry)
    return f"{failed} of {requests} requests failed"


def saying(say: Callable[[str], None]) -> Show:
    """A ``show`` that says in plain lines what a person wants to see go by."""

    def show(entry: Entry) -> None:
        if line := worth_saying(entry):
            say(line)

    return show


def worth_saying(entry: Entry) -> str:
    """An entry's line for whoever watches; "" for those that only machines need.

    Steps are told when they are begun: what they achieve is told by the next one.
    """
    begun = entry.outcome == Outcome.INTENT
    if entry.verb == Verb.STEP:
        return entry.why if begun or entry.outcome != Outcome.DONE else ""
    if entry.verb in (Verb.LEASE, Verb.CLEAN) or (begun and entry.verb != Verb.ROLLOUT):
        return ""
    return sentence(entry)
