"""``changed``: every change in a stretch of time, with what it changed."""

from fairlead.base.errors import FairleadError, UsageError
from fairlead.base.ids import CommitId
from fairlead.record.changed import changed as on_record
from fairlead.record.model import Changed, ReleaseFacts
from fairlead.record.moment import EXAMPLES, Moment, moment
from fairlead.record.rules import short
from fairlead.service.answers.trace import zone_here
from fairlead.service.tools import Tools


def changed(
    tools: Tools,
    since: str = "",
    between: tuple[str, str] | None = None,
    app: str = "",
    environment: str = "",
) -> Changed:
    """From ``since`` to now, or ``between`` two times (the second included), oldest first.

    Times are as a person writes them ("yesterday", "15:42"). Raises UsageError, naming the
    forms there are, for what is none.
    """
    begin, end = _stretch(tools, since, between)
    if end < begin:
        raise UsageError("the first time lies after the second", "fairlead changed --help")
    return on_record(
        tools.store,
        begin,
        end,
        app or None,
        environment or None,
        facts_of=lambda name, number: _facts(tools, name, number),
        commits=lambda name, old, new: _commits(tools, name, old, new),
    )


def _stretch(tools: Tools, since: str, between: tuple[str, str] | None) -> tuple[float, float]:
    now = tools.clock.now()
    if between:
        return _moment(between[0], now).start, _moment(between[1], now).end
    return _moment(since or "yesterday", now).start, now + 1.0


def _moment(text: str, now: float) -> Moment:
    found = moment(text, now, zone_here(now))
    if found is None:
        raise UsageError(f"not a time: {text!r}", f"times are written as {EXAMPLES}")
    return found


def _facts(tools: Tools, app: str, number: int) -> ReleaseFacts | None:
    """A release's facts by its file; None where that is gone or cannot be trusted."""
    try:
        release = tools.world.releases.get(app, number)
    except FairleadError:
        return None
    if release is None:
        return None
    artifact = release.artifact
    return ReleaseFacts(
        artifact.commit,
        release.subject,
        artifact.dependencies,
        release.settings,
        artifact.schema.digest if artifact.schema else "",
        release.secrets,
    )


def _commits(tools: Tools, app: str, old: str, new: str) -> tuple[str, ...]:
    """One line per commit that ``new`` has and ``old`` lacks; those lost, when it goes back."""
    repository = tools.home.repository(app)
    try:
        found = tools.repositories.changed_commits(repository, CommitId(old), CommitId(new))
        lost = tools.repositories.changed_commits(repository, CommitId(new), CommitId(old))
    except FairleadError:
        return ()
    gained = tuple(f"{short(commit)} {subject}" for commit, subject in found)
    return gained + tuple(f"without {short(commit)} {subject}" for commit, subject in lost)
