"""``fairlead record``: verify, show, follow."""

import click

from fairlead.cli import words
from fairlead.cli.door import Door, put_json
from fairlead.cli.group import Verbs, verb
from fairlead.cli.paper import Paper, Piece
from fairlead.record.model import Broken
from fairlead.service.answers import record as ask

_OUTCOMES = {"failed": "bad", "refused": "warn", "unknown": "warn", "intent": "dim"}


@click.group("record", cls=Verbs)
def record() -> None:
    """Verify, show or follow the record."""


record.examples = ("fairlead record verify", "fairlead record show --lines 50")


@verb("verify", "fairlead record verify", "fairlead record verify --json", under=record)
def verify(door: Door) -> int:
    """Check that no entry was edited, removed, reordered or cut off.

    Names the first entry that does not hold, and exits with 1. The head that was signed into
    the deploy repo is asked too.
    """
    checked = ask.verify(door.tools)
    door.show(checked, verified)
    return 0 if checked.holds else 1


def verified(paper: Paper, view: ask.Checked) -> None:
    answer = view.answer
    if isinstance(answer, Broken):
        paper.line((f"entry {answer.seq} does not hold, {answer.how}: ", "bad"), answer.what)
        paper.line(f"Every entry before {answer.seq} holds.")
        return
    whole = words.counted(answer.entries, "entry")
    paper.line((f"{whole}, and all of it holds", "good"))
    paper.line(f"head {answer.head.seq}:{answer.head.hash[:16]}", indent=2)
    if answer.anchored:
        paper.line(f"a signed head vouches for the first {answer.anchored}", indent=2)
    else:
        paper.line((f"no signed head was asked: {view.anchor}", "warn"), indent=2)


@verb("show", "fairlead record show", "fairlead record show --since 100", under=record)
@click.option("--since", type=click.IntRange(0), metavar="SEQ", help="After this entry.")
@click.option("--lines", type=click.IntRange(1, 10_000), default=30, show_default=True)
def show(door: Door, since: int | None, lines: int) -> None:
    """The newest entries, oldest first, or those after SEQ."""
    door.show(ask.show(door.tools, since, lines), _shown)


def _shown(paper: Paper, view: ask.Shown) -> None:
    paper.table([_row(paper, line) for line in view.entries])


def _row(paper: Paper, line: ask.Line) -> tuple[Piece, Piece, Piece]:
    entry = line.entry
    return (
        (str(entry.seq), "dim"),
        (words.clock(entry.at, paper.now), "dim"),
        (line.sentence, _OUTCOMES.get(entry.outcome, "")),
    )


@verb("follow", "fairlead record follow", "fairlead record follow --app riverside", under=record)
@click.option("--since", type=click.IntRange(0), metavar="SEQ", help="After this entry.")
@click.option("--app", default="", help="Only of this app.")
def follow(door: Door, since: int | None, app: str) -> None:
    """Entries as they are written, until Ctrl-C. With --json, one object on each line."""
    for line in ask.follow(door.tools, since, app):
        if door.json:
            put_json(line, line=True)
        else:
            number, at, said = _row(door.paper, line)
            door.paper.line(number, "  ", at, "  ", said)
            door.paper.flush()
