"""``fairlead trace``."""

from pathlib import Path

import click

from fairlead.cli import words
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper
from fairlead.record.model import Link, Trace
from fairlead.service.answers.trace import trace as ask


@verb(
    "trace",
    "fairlead trace HEAD",
    "fairlead trace riverside/7",
    "fairlead trace pid:4711",
    'fairlead trace "2026-11-21 15:42"',
)
@click.argument("text", nargs=-1, required=True)
@click.option("--app", default="", help="Only of this app.")
@click.option("--environment", default="", help="Only in this environment.")
def trace(door: Door, text: tuple[str, ...], app: str, environment: str) -> None:
    """What became of a commit, digest, release, process, time.

    TEXT is whatever you hold: a commit or its first digits, HEAD or a branch, a digest, a
    release (7, riverside/7), a process (pid:4711), a plan, a commit of the deploy repo, a
    time. The answer is one line.
    """
    door.show(ask(door.tools, " ".join(text), Path.cwd(), app, environment), write)


def write(paper: Paper, view: Trace) -> None:
    """The line; on a terminal its stations beneath each other, with when each was passed."""
    said = "".join(f" → {link.text}" for link in view.links)
    head = view.line.removesuffix(said)
    if paper.rich and view.links and head != view.line:
        paper.line((head, "head"))
        paper.table([_station(paper, link) for link in view.links], indent=2)
    else:
        paper.line(view.line)
    for other in view.also:
        paper.line(("also: ", "dim"), other)


def _station(paper: Paper, link: Link) -> tuple[tuple[str, str], tuple[str, str], str]:
    mark = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}[link.ok]
    return mark, (words.clock(link.at, paper.now) if link.at else "", "dim"), link.text
