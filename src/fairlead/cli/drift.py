"""``fairlead drift``."""

import click
import msgspec

from fairlead.base.errors import UsageError
from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper
from fairlead.cli.places import PLACE
from fairlead.plan.drift import Item
from fairlead.service import drift as service


class DriftTold(msgspec.Struct, frozen=True):
    """What is not as it should be, and what was done about it: found, reverted or adopted."""

    place: str
    done: str
    items: tuple[Item, ...]


_DO = {"found": service.find, "reverted": service.revert, "adopted": service.adopt}


@verb("drift", "fairlead drift", "fairlead drift riverside/production --revert")
@click.argument("place", default="", type=PLACE)
@click.option("--revert", is_flag=True, help="Put everything back as it should be.")
@click.option("--adopt", is_flag=True, help="Accept what was changed, until the next rollout.")
def drift(door: Door, place: str, revert: bool, adopt: bool) -> None:
    """What is not as it should be; revert or adopt it.

    A copy that was killed, a route or a file that somebody changed, a process that nobody
    accounts for. Copies are started again by themselves; what a person changed is shown here.
    """
    if revert and adopt:
        raise UsageError("--revert and --adopt exclude each other", "fairlead drift --help")
    done = "reverted" if revert else "adopted" if adopt else "found"
    meant = door.place(place)
    door.show(DriftTold(str(meant), done, _DO[done](door.tools, meant)), write)


def write(paper: Paper, view: DriftTold) -> None:
    """One line for each thing; what would mend it where it was only found."""
    if not view.items:
        paper.line((f"{view.place}: nothing is amiss", "good"))
        return
    for item in view.items:
        if view.done == "found":
            paper.line((f"{item.kind}: ", "dim"), (item.what, "warn"))
            paper.line(("mends it: ", "dim"), item.mend, indent=2)
        else:
            paper.line((f"{view.done}: ", "good"), item.what)
    if view.done == "found":
        paper.blank()
        paper.line(f"fairlead drift {view.place} --revert, or --adopt where it shall stay")
