"""Following a commit from its push to where it ends: serving, returned from, or stopped."""

import msgspec

from fairlead.base.door import AGENT_WITHIN
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from fairlead.base.stop import NEVER, Stop
from fairlead.checks.ports import Sink
from fairlead.plan.model import JobState
from fairlead.record.flow import follow
from fairlead.record.model import Entry
from fairlead.record.rules import sentence
from fairlead.rollout.flow import state_of
from fairlead.service.tools import Tools


class End(msgspec.Struct, frozen=True):
    """Where it ended. ``outcome``: done, returned, failed, refused, overtaken (by another
    release that was asked for), waiting (for approval), or gone (no agent carries it on)."""

    outcome: str
    sentence: str
    place: Place | None = None
    release: int = 0

    @property
    def well(self) -> bool:
        """Whether what was asked for serves, or waits for a person as it should."""
        return self.outcome in ("done", "waiting")

    @property
    def look(self) -> str:
        """The command that says more."""
        if self.outcome == "gone":
            return "fairlead agent start"
        return f"fairlead logs {self.place}" if self.place else "fairlead record show"


class Watch:
    """Reads entries as they come and says when a commit's way has ended in ``places`` places."""

    def __init__(self, commit: str, places: int) -> None:
        self._commit = commit
        self._places = places
        self._failed: dict[Place, str] = {}
        self.ends: list[End] = []
        self.desired: list[tuple[Place, str]] = []

    @property
    def over(self) -> bool:
        """Whether nothing more is to come."""
        stopped = any(end.outcome in ("failed", "refused") and not end.place for end in self.ends)
        return stopped or len(self.ends) >= self._places

    def feed(self, entry: Entry) -> None:
        """Take one entry in."""
        if entry.outcome == Outcome.INTENT:
            return
        ours = entry.text("commit") == self._commit
        place = Place(entry.app, entry.environment)
        if entry.verb == Verb.BUILD and ours and entry.outcome != Outcome.DONE:
            self.ends.append(End("failed", entry.why))
        elif entry.verb == Verb.AGENT and entry.outcome == Outcome.REFUSED:
            self.ends.append(End("refused", entry.why))
        elif entry.verb == Verb.DESIRE and ours:
            self._desire(entry, place)
        elif entry.verb == Verb.ROLLOUT:
            self._rollout(entry, place, ours)

    def _desire(self, entry: Entry, place: Place) -> None:
        if entry.outcome != Outcome.DONE:
            self.ends.append(End("refused", entry.why))
        elif entry.text("how") == "proposed":
            say = f"release {entry.release} waits for approval: fairlead approve {place}"
            self.ends.append(End("waiting", say, place, entry.release))
        else:
            self.desired.append((place, entry.text("revision")))

    def _rollout(self, entry: Entry, place: Place, ours: bool) -> None:
        if ours and entry.text("how") != "return":
            if entry.text("reason") == "overtaken":
                self.ends.append(End("overtaken", entry.why, place, entry.release))
            elif entry.outcome == Outcome.DONE:
                self.ends.append(End("done", entry.why, place, entry.release))
            else:
                self._failed[place] = entry.why
        elif place in self._failed and entry.text("how") == "return":
            outcome = "returned" if entry.outcome == Outcome.DONE else "failed"
            self.ends.append(End(outcome, self._failed.pop(place), place, entry.release))


def await_commit(
    tools: Tools,
    app: str,
    commit: str,
    places: int,
    since: int,
    show: Sink,
    stop: Stop = NEVER,
) -> list[End]:
    """Show what happens to a pushed commit until its way has ended, or nobody follows any more
    (``stop``); the ends, one a place."""
    watch = Watch(commit, places)
    look = _Patience(tools)

    def over() -> bool:
        _already(tools, watch)
        return watch.over or look.gone() or stop.is_set()

    for entry in follow(tools.store, since, tools.clock, app, over):
        watch.feed(entry)
        if entry.outcome != Outcome.INTENT or entry.verb in _WORTH_ANNOUNCING:
            show(sentence(entry))
    if not watch.over:
        watch.ends.append(End("gone", "no agent is running to carry it on"))
    return watch.ends


_WORTH_ANNOUNCING = (Verb.BUILD, Verb.ROLLOUT)


def _already(tools: Tools, watch: Watch) -> None:
    """What is asked for and was rolled out before has no more to come."""
    for place, revision in list(watch.desired):
        wanted = tools.desired(place)
        mark = state_of(tools.world, wanted) if wanted else None
        if wanted and mark and mark.revision == revision and mark.state is JobState.SUCCEEDED:
            watch.desired.remove((place, revision))
            if not any(end.place == place for end in watch.ends):
                number = wanted.release.number
                watch.ends.append(End("done", f"release {number} serves already", place, number))


class _Patience:
    """Notices, asking at most once a second, that no agent is alive and none comes back."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._asked = self._alive = tools.clock.now()

    def gone(self) -> bool:
        """Whether the agent was found dead, again and again."""
        now = self._tools.clock.now()
        if now - self._asked < 1.0:
            return False
        self._asked = now
        if self._tools.machine.seen().listening:
            self._alive = now
        return now - self._alive > AGENT_WITHIN
