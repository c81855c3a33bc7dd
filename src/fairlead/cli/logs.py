"""``fairlead logs``."""

from collections.abc import Iterable
from pathlib import Path

import click

from fairlead.base.errors import UsageError
from fairlead.cli.door import Door, put_json
from fairlead.cli.group import verb
from fairlead.cli.places import PLACE
from fairlead.service.answers import logs as ask
from fairlead.service.answers.where import app_meant


@verb(
    "logs",
    "fairlead logs riverside/local web --follow",
    "fairlead logs riverside/local web.1 --lines 200",
    "fairlead logs riverside --check tests 1a2b3c4",
    "fairlead logs riverside --build 1a2b3c4",
)
@click.argument("place", default="", type=PLACE)
@click.argument("which", metavar="[ROLE[.N]]", default="")
@click.option("--follow", "-f", is_flag=True, help="Go on as more is printed, until Ctrl-C.")
@click.option("--lines", type=click.IntRange(0, 1_000_000), default=50, show_default=True)
@click.option("--check", nargs=2, metavar="NAME COMMIT", help="What a check of a commit printed.")
@click.option("--build", metavar="COMMIT", help="What a commit's build printed.")
def logs(
    door: Door,
    place: str,
    which: str,
    follow: bool,
    lines: int,
    check: tuple[str, str] | None,
    build: str | None,
) -> None:
    """What copies, checks and builds print.

    With several logs each line is headed by its copy. On a terminal what would drive it
    (escape codes, control characters) is taken out; in a pipe lines pass as they are. With
    --json --follow, one object on each line.
    """
    files = _files(door, place, which, check, build)
    found = ask.last(door.tools, files, lines)
    if not follow:
        door.show(found, lambda _, view: _print(door, view, len(files) > 1))
        return
    _print(door, found, len(files) > 1)
    for line in ask.follow(door.tools, files):
        _print(door, (line,), len(files) > 1)
        door.paper.flush()


def _files(
    door: Door, place: str, which: str, check: tuple[str, str] | None, build: str | None
) -> tuple[ask.LogFile, ...]:
    if check and build:
        raise UsageError("--check and --build exclude each other", "fairlead logs --help")
    if not (check or build):
        return ask.of_place(door.tools, door.place(place), which)
    app = app_meant(door.tools, place.partition("/")[0], Path.cwd())
    if check:
        return ask.of_check(door.tools, app, *check)
    return ask.of_build(door.tools, app, build or "")


def _print(door: Door, lines: Iterable[ask.LogLine], headed: bool) -> None:
    for line in lines:
        if door.json:
            put_json(line, line=True)
        else:
            head = f"{line.log}  " if headed else ""
            door.paper.raw(head, line.line)
