"""``fairlead rollback``."""

import click

from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.places import PLACE


@verb(
    "rollback",
    "fairlead rollback",
    'fairlead rollback riverside/production --to 5 --why "500s since 15:40"',
)
@click.argument("place", default="", type=PLACE)
@click.option("--to", type=click.IntRange(1), metavar="N", help="The release to go to.")
@click.option("--why", default="", metavar="TEXT", help="For the record.")
@click.option("--no-wait", is_flag=True, help="Ask for it, and do not follow it to its end.")
def rollback(door: Door, place: str, to: int | None, why: str, no_wait: bool) -> int:
    """Go back to the good release before.

    Code and settings together, as a commit in the deploy repo that the agent carries out;
    while the old side is held it is one switch. Refused where the schema has moved past what
    the older release can run on.
    """
    from fairlead.record.flow import head_of
    from fairlead.service.rollback import rollback as go_back

    tools, meant = door.tools, door.place(place)
    since = head_of(tools.store).seq
    revision = go_back(tools, meant, to or 0, why)
    tools.machine.wake()
    from fairlead.cli.watching import ended, watch  # while the agent is at it already

    return ended(door, watch(door, meant, revision, since, wait=not no_wait))
