"""``fairlead plan``."""

import click

from fairlead.cli.door import Door
from fairlead.cli.group import verb
from fairlead.cli.paper import Paper
from fairlead.cli.places import PLACE
from fairlead.service.answers.plan import PlanTold
from fairlead.service.answers.plan import plan as ask


@verb("plan", "fairlead plan", "fairlead plan riverside/production --release 7")
@click.argument("place", default="", type=PLACE)
@click.option("--release", type=click.IntRange(1), metavar="N", help="As if asked for.")
def plan(door: Door, place: str, release: int | None) -> None:
    """The way from what runs to what should run.

    For the release that waits for an approval, or else the desired one; with --release, for
    any as if it were asked for now. A settled place has an empty plan. Looking changes nothing.
    """
    meant = door.place(place)
    door.show(ask(door.tools, meant, release or 0), write)


def write(paper: Paper, view: PlanTold) -> None:
    """The sentences, then the digest that an approval names."""
    first, *rest = view.sentences
    paper.line((first, "head"))
    waves, ends = rest[:-1], rest[-1:]
    paper.table([_wave(sentence) for sentence in waves], indent=2)
    for sentence in ends:
        paper.line(sentence, indent=2)
    if view.room:
        paper.line(("room: ", "dim"), view.room)
    paper.line(("plan ", "dim"), view.digest)
    if view.approve:
        paper.line(("to approve it: ", "dim"), f"{view.approve} --plan {view.digest[:19]}")


def _wave(sentence: str) -> tuple[str, str]:
    """A wave's number, and what it does."""
    number, _, said = sentence.partition(" ")
    return number, said
