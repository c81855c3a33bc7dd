"""``fairlead promote``."""

import click

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place, name
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.places import PLACE
from fairlead.cli.watching import ended, watch
from fairlead.record.flow import head_of
from fairlead.service.promote import promote as ask_for


@verb("promote", "fairlead promote riverside/staging production", "fairlead promote staging live")
@click.argument("origin", metavar="FROM", type=PLACE)
@click.argument("to", type=PLACE)
@click.option("--why", default="", metavar="TEXT", help="For the record.")
@click.option("--no-wait", is_flag=True, help="Do not follow the rollout to its end.")
def promote(door: Door, origin: str, to: str, why: str, no_wait: bool) -> int:
    """Ask for one place's release in another.

    The same artifact, once it has passed its smoke checks in FROM. Where TO asks for an
    approval, the release waits for it there.
    """
    tools, start = door.tools, door.place(origin)
    app, slash, environment = to.rpartition("/")
    end = Place(app if slash else start.app, name(environment, "an environment"))
    if end == start:
        raise UsageError(f"it is there already: {end}", "name another environment")
    since = head_of(tools.store).seq
    revision = ask_for(tools, start, end, why)
    tools.machine.wake()
    return ended(door, watch(door, end, revision, since, wait=not no_wait))
