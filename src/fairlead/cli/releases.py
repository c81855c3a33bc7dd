"""``fairlead releases``."""

from pathlib import Path

import click

from fairlead.cli import words
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper, Piece
from fairlead.service.answers.releases import InPlace, ReleaseLine, Releases
from fairlead.service.answers.releases import releases as ask
from fairlead.service.answers.where import app_meant

_OUTCOMES = {
    "serving": "good",
    "desired": "moving",
    "waiting": "warn",
    "failed": "bad",
    "never": "dim",
    "done before": "dim",
}


@verb("releases", "fairlead releases", "fairlead releases riverside --lines 50")
@click.argument("app", default="")
@click.option("--lines", type=click.IntRange(1), default=20, show_default=True)
def releases(door: Door, app: str, lines: int) -> None:
    """The releases of an app and what became of them.

    Newest first. In each environment a release is serving, desired, waiting for approval,
    failed (and why), done before, or was never asked for.
    """
    app = app_meant(door.tools, app, Path.cwd())
    door.show(ask(door.tools, app, lines), write)


def write(paper: Paper, view: Releases) -> None:
    """One line a release; beneath it why it failed, where it did."""
    if not view.releases:
        paper.line(f"{view.app} has no release yet")
        return
    environments = [place.environment for place in view.releases[0].places]
    head = ["", "commit", "made", "by", "deps", *environments, "subject"]
    paper.table([_row(paper, line) for line in view.releases], head, cut=True)
    for line in view.releases:
        for said in _trouble(line):
            paper.line((f"release {line.number} ", "dim"), said)
    if view.older:
        paper.line((f"{view.older} older ones: --lines {view.older + len(view.releases)}", "dim"))


def _row(paper: Paper, line: ReleaseLine) -> list[Piece]:
    states: list[Piece] = [(p.outcome, _OUTCOMES.get(p.outcome, "")) for p in line.places]
    return [
        (str(line.number), "head"),
        words.commit(line.commit),
        words.clock(line.made_at, paper.now) if line.made_at else "",
        line.made_by,
        str(line.dependencies),
        *states,
        line.subject,
    ]


def _trouble(line: ReleaseLine) -> list[Piece]:
    found: list[Piece] = [(_failed(p), "bad") for p in line.places if p.outcome == "failed"]
    found += [f"waits: {p.why}" for p in line.places if p.outcome == "waiting"]
    return [*found, (line.problem, "bad")] if line.problem else found


def _failed(place: InPlace) -> str:
    return f"failed in {place.environment}: {place.why}"
