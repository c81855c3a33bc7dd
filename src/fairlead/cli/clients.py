"""``fairlead clients``: add, end, list."""

from pathlib import Path

import click

from fairlead.cli.door import Door
from fairlead.cli.group import Verbs, verb
from fairlead.cli.paper import Paper, Piece
from fairlead.service import promises as service
from fairlead.service.answers.where import app_meant
from fairlead.service.promises import Clients

_APP = click.option("--app", default="", help="Which one; else this repository's.")
_WHY = click.option("--why", default="", metavar="TEXT", help="For the record.")


@click.group("clients", cls=Verbs)
def clients() -> None:
    """Clients of an API that are in users' hands.

    Apps in a store, programs of partners.

    The API question compares every change with the contract each was made for, until its support
    ends.
    """


clients.examples = (
    "fairlead clients add ios 3.2 --release 41 --until 2027-03-01",
    "fairlead clients list",
)


@verb(
    "add",
    "fairlead clients add ios 3.2 --release 41 --until 2027-03-01",
    under=clients,
)
@click.argument("client")
@click.argument("version")
@click.option("--release", type=click.IntRange(1), required=True, help="Whose API it was made for.")
@click.option("--until", required=True, metavar="DATE", help="The last day of support (UTC).")
@_APP
@_WHY
def add(
    door: Door, client: str, version: str, release: int, until: str, app: str, why: str
) -> None:
    """Promise a client support until a day; said again, the day moves."""
    meant = app_meant(door.tools, app, Path.cwd())
    found = service.add_client(door.tools, meant, client, version, release, until, why)
    door.show(found, write)


@verb("end", "fairlead clients end ios 3.2", under=clients)
@click.argument("client")
@click.argument("version")
@_APP
@_WHY
def end(door: Door, client: str, version: str, app: str, why: str) -> None:
    """Support a client no longer, from now on."""
    meant = app_meant(door.tools, app, Path.cwd())
    door.show(service.end_client(door.tools, meant, client, version, why), write)


@verb(
    "list", "fairlead clients list", "fairlead clients list --app riverside --json", under=clients
)
@_APP
def list_(door: Door, app: str) -> None:
    """The clients, the release each was made for, and until when it is supported."""
    meant = app_meant(door.tools, app, Path.cwd())
    door.show(service.clients(door.tools, meant), write)


def write(paper: Paper, view: Clients) -> None:
    """A line each."""
    if not view.clients:
        paper.line(f"no client of {view.app} was promised support")
        return
    rows: list[list[Piece]] = []
    for shown in view.clients:
        one, state = shown.client, ("supported", "good") if shown.supported else ("ended", "dim")
        rows.append([(f"{one.name} {one.version}", "head"), str(one.release), one.until, state])
    paper.table(rows, ["client", "release", "until", ""])
