"""Following what was asked for to its end, and saying how it ended."""

from fairlead.base.ids import Place
from fairlead.cli.door import Door
from fairlead.cli.paper import Paper
from fairlead.cli.run import stop
from fairlead.service.answers.follow import FollowEnd, How, follow_revision, saying

_CODES = {How.DONE: 0, How.WAITING: 0, How.RETURNED: 1, How.FAILED: 1, How.REFUSED: 3, How.GONE: 1}
_STYLES = {How.DONE: "good", How.WAITING: "warn"}


class Asked(FollowEnd, frozen=True):
    """How it ended, and the deploy repo's commit that asked for it."""

    revision: str = ""


def watch(door: Door, place: Place, revision: str, since: int, *, wait: bool) -> Asked:
    """Follow a revision; what happens is said on stderr as it happens."""
    if not wait:
        said = f"asked for by {revision[:7]}; follow it with: fairlead status {place.app}"
        return Asked(How.WAITING, said, 0, revision)
    show = (lambda entry: None) if door.json else saying(door.say)
    try:
        end = follow_revision(door.tools, place, revision, since, show)
    except KeyboardInterrupt:
        stop(f"no longer watching; the agent goes on with it: fairlead status {place.app}")
    return Asked(end.outcome, end.sentence, end.release, revision)


def ended(door: Door, asked: Asked) -> int:
    """Show how it ended; the exit code that says the same."""
    door.show(asked, write)
    return _CODES[asked.outcome]


def write(paper: Paper, view: Asked) -> None:
    paper.line((view.sentence, _STYLES.get(view.outcome, "bad")))
