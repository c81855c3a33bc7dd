"""``fairlead database``: create, show."""

import sys

import click

from fairlead.base.ids import Place
from fairlead.base.room import megabytes
from fairlead.base.secret import Secret
from fairlead.base.text import printable
from fairlead.cli.door import Door
from fairlead.cli.group import Verbs, verb
from fairlead.cli.paper import Paper
from fairlead.cli.places import PLACE
from fairlead.cli.watching import ended, watch
from fairlead.record.flow import head_of
from fairlead.service import database as service
from fairlead.service.database import DatabaseMade, DatabaseShown
from fairlead.service.secrets import place_to_be

_LONGEST = 64 * 1024  # bytes of a URL; more is a slip of the hand


@click.group("database", cls=Verbs)
def database() -> None:
    """The database of a place: create, show.

    Each place gets a role and a database of its own, and their URL as a secret. Nothing here
    ever drops one.
    """


database.examples = (
    "fairlead database create riverside/production",
    "fairlead database show riverside/production",
)


@verb(
    "create",
    "fairlead database create riverside/production",
    "fairlead database create riverside/production --admin <admin-url.txt",
    under=database,
)
@click.argument("place", type=PLACE)
@click.option("--admin", is_flag=True, help="Read the URL of a server's admin from stdin.")
@click.option("--setting", default="", metavar="NAME", help="What the URL is handed over as.")
@click.option("--instead", is_flag=True, help="In the place of the plain setting of that name.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
@click.option("--no-wait", is_flag=True, help="Do not follow the rollout to its end.")
def create(
    door: Door, place: str, admin: bool, setting: str, instead: bool, why: str, no_wait: bool
) -> int:
    """Make a role and a database in PostgreSQL, and seal their URL as a secret.

    In this machine's own server, as root; with --admin in the one that the URL names, whose user
    must be allowed to make roles and databases. The role may log in and owns its database; it may
    do nothing else, and no other role enters. What is there already is answered as done.
    """
    meant = _place(door, place)
    since = head_of(door.tools.store).seq
    given = _asked() if admin else None
    done = service.create(door.tools, meant, given, why, setting=setting, instead=instead)
    if not done.revision:
        door.show(done, made)
        return 0
    door.say(f"{place}: {done.setting}: in release {done.release}")
    door.tools.machine.wake()
    return ended(door, watch(door, meant, done.revision, since, wait=not no_wait))


@verb("show", "fairlead database show riverside/production", under=database)
@click.argument("place", default="", type=PLACE)
@click.option("--setting", default="", metavar="NAME", help="Another setting with a URL.")
def show(door: Door, place: str, setting: str) -> None:
    """Its name, size and connections, as its own role sees it; never its password."""
    door.show(service.shown(door.tools, _place(door, place), setting), write)


def _place(door: Door, text: str) -> Place:
    """Also a place that has no release yet: its first one may need a database."""
    return place_to_be(door.tools, text) or door.place(text)


def _asked() -> Secret:
    if sys.stdin.isatty():
        return Secret(click.prompt("the admin's URL (it is not shown)", hide_input=True, err=True))
    return Secret(sys.stdin.read(_LONGEST).strip())


def made(paper: Paper, view: DatabaseMade) -> None:
    """What was made, and where its URL is."""
    if not view.made:
        paper.line(f"{view.place} has its database: {view.database}, sealed as {view.setting}")
        return
    paper.line(f"{view.place}: database {view.database}, owned by the role {view.role}")
    paper.line(f"its URL is sealed as {view.setting}, and comes with the next release")


def write(paper: Paper, view: DatabaseShown) -> None:
    """A line a fact."""
    found = view.database
    version = f" {found.version}" if found.version else ""
    rows = [("database", printable(found.name)), ("kind", f"{found.kind}{version}")]
    rows += [
        ("at", printable(found.at)),
        ("setting", view.setting),
        ("size", megabytes(found.bytes)),
    ]
    if found.role:
        most = f" of {found.most}" if found.most >= 0 else ""
        rows += [("role", found.role), ("connections", f"{found.connections}{most}")]
    paper.table([((name, "dim"), text) for name, text in rows])
