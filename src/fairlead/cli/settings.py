"""``fairlead set``."""

import click

from fairlead.base.errors import UsageError
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper
from fairlead.cli.places import PLACE
from fairlead.cli.watching import ended, watch
from fairlead.record.flow import head_of
from fairlead.service.settings import SettingsSet, set_settings


@verb(
    "set",
    "fairlead set riverside/production FORECAST_HOURS=48",
    "fairlead set riverside/production --unset FORECAST_HOURS",
)
@click.argument("place", type=PLACE)
@click.argument("pairs", metavar="KEY=VALUE…", nargs=-1)
@click.option("--unset", multiple=True, metavar="KEY", help="Remove this one.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
@click.option("--no-wait", is_flag=True, help="Do not follow the rollout to its end.")
def set_(
    door: Door, place: str, pairs: tuple[str, ...], unset: tuple[str, ...], why: str, no_wait: bool
) -> int:
    """Change plain settings of a place.

    They are a commit in the deploy repo, readable by whoever reads that: not the way for a
    secret. The artifact that serves becomes a new release with them, and is rolled out.
    """
    tools, meant = door.tools, door.place(place)
    changes: dict[str, str | None] = {**dict(map(_pair, pairs)), **dict.fromkeys(unset)}
    if not changes:
        raise UsageError("no setting is named", "fairlead set PLACE KEY=VALUE")
    since = head_of(tools.store).seq
    done = set_settings(tools, meant, changes, why)
    if not done.revision:
        door.show(done, _write)
        return 0
    tools.machine.wake()
    return ended(door, watch(door, meant, done.revision, since, wait=not no_wait))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"not KEY=VALUE: {text!r}", "to remove one: --unset KEY")
    return key, value


def _write(paper: Paper, view: SettingsSet) -> None:
    names = ", ".join(view.names)
    paper.line(f"{view.place}: {names}: set by {view.commit[:7]}; what runs has them already, or")
    paper.line("nothing is desired here yet: they come with the next release")
