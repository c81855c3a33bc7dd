"""``trace``: the record's answer, also to what only this repository knows (HEAD, a branch)."""

from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from fairlead.base.errors import FairleadError, NotFound
from fairlead.record.model import Trace
from fairlead.record.trace import trace as on_record
from fairlead.service.tools import Tools


def trace(tools: Tools, text: str, directory: Path, app: str = "", environment: str = "") -> Trace:
    """What became of whatever ``text`` names; raises NotFound and UsageError as the record does.

    What the record does not know is asked of git in ``directory``: HEAD, a branch, a tag.
    """
    now = tools.clock.now()
    narrow = {"app": app or None, "environment": environment or None}
    try:
        return on_record(tools.store, text, now=now, zone=zone_here(now), **narrow)
    except NotFound as error:
        commit = _commit(tools, text, directory)
        if not commit or commit == text:
            raise
        try:
            return on_record(tools.store, commit, now=now, zone=zone_here(now), **narrow)
        except NotFound:
            what = f"nothing on record for {text!r} (commit {commit[:12]})"
            raise NotFound(what, "git push fairlead brings a commit here") from error


def zone_here(now: float) -> tzinfo:
    """The machine's time zone, as of ``now``."""
    return datetime.fromtimestamp(now, UTC).astimezone().tzinfo or UTC


def _commit(tools: Tools, text: str, directory: Path) -> str:
    """The commit git knows by that name here; "" for none."""
    repository = next((d / ".git" for d in (directory, *directory.parents) if _has(d)), None)
    if repository is None or text.startswith("-"):
        return ""
    with suppress(FairleadError):
        return tools.repositories.resolve(repository, text)
    return ""


def _has(directory: Path) -> bool:
    return (directory / ".git").exists()
