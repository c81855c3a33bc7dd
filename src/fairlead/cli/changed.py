"""``fairlead changed``."""

from collections.abc import Iterator

import click

from fairlead.base.errors import UsageError
from fairlead.cli import words
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper, Piece
from fairlead.record.model import Changed, Difference, Differs, Happened, Kind
from fairlead.service.answers.changed import changed as ask

_STYLES = {
    Kind.RELEASE: "good",
    Kind.ROLLBACK: "warn",
    Kind.RETURN: "warn",
    Kind.REFUSED: "warn",
    Kind.FAILED: "bad",
    Kind.NOT_KNOWN: "bad",
    Kind.DRIFT: "warn",
}
_COMMITS = 10


@verb(
    "changed",
    "fairlead changed --since yesterday",
    "fairlead changed --since 2h --environment production",
    "fairlead changed --between 15:00 15:42 --app riverside",
)
@click.option("--since", default="", metavar="T", help="From then until now  [default: yesterday]")
@click.option("--between", nargs=2, metavar="A B", help="From A to B, both included.")
@click.option("--app", default="", help="Only of this app.")
@click.option("--environment", default="", help="Only in this environment.")
def changed(
    door: Door, since: str, between: tuple[str, str] | None, app: str, environment: str
) -> None:
    """Every change in a stretch of time.

    Releases with their difference in commits, dependencies, settings and schema; what was
    refused, failed and returned from; drift. Times: 15:42, 2h, yesterday, 2026-11-21,
    "2026-11-21 15:42".
    """
    if since and between:
        raise UsageError("--since and --between exclude each other", "fairlead changed --help")
    door.show(ask(door.tools, since, between, app, environment), write)


def write(paper: Paper, view: Changed) -> None:
    """Oldest first; under each release what it changed."""
    if not view.happened:
        since, until = words.clock(view.since, paper.now), words.clock(view.until, paper.now)
        paper.line(f"nothing changed from {since} to {until}")
    paper.table([row for happened in view.happened for row in _rows(paper, happened)])


def _rows(paper: Paper, happened: Happened) -> Iterator[tuple[Piece, Piece]]:
    at = words.clock(happened.at, paper.now)
    yield (at, "dim"), (_told(happened), _STYLES.get(happened.kind, ""))
    if happened.difference and happened.release:
        for line in _difference(happened.difference):
            yield "", line


def _told(happened: Happened) -> str:
    known = happened.kind in (Kind.RELEASE, Kind.DRIFT, Kind.AGENT, Kind.DESIRED)
    return happened.sentence if known else f"{happened.kind}: {happened.sentence}"


def _difference(difference: Difference) -> Iterator[Piece]:
    if not difference.known:
        known = "its difference is not known" if difference.previous else "the first release here"
        yield f"  {known}", "dim"
        return
    yield f"  against release {difference.previous}:", "dim"
    for commit in difference.commits[:_COMMITS]:
        yield f"    {commit}"
    if len(difference.commits) > _COMMITS:
        yield f"    and {len(difference.commits) - _COMMITS} commits more", "dim"
    for one in difference.dependencies:
        yield f"    dependency {_differs(one)}"
    for one in difference.settings:
        yield f"    setting {_differs(one)}"
    for one in difference.secrets:
        yield f"    secret {_rotated(one)}"
    if difference.schema:
        yield "    schema changed"
    plain = difference.commits or difference.dependencies or difference.settings
    if not (plain or difference.schema or difference.secrets):
        yield "    no difference", "dim"


def _rotated(one: Differs) -> str:
    if not one.old:
        return f"{one.name} set (version {one.new})"
    if not one.new:
        return f"{one.name} unset (was version {one.old})"
    return f"{one.name} rotated: version {one.old} → {one.new}"


def _differs(one: Differs) -> str:
    if not one.old:
        return f"{one.name} {one.new} added"
    return f"{one.name} {one.old} → {one.new}" if one.new else f"{one.name} {one.old} removed"
