"""``fairlead demo``."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.group import verb

if TYPE_CHECKING:
    from fairlead.cli.door import Door
    from fairlead.cli.paper import Paper
    from fairlead.demo.tale import Told


@verb("demo", "fairlead demo", "fairlead demo --keep", "fairlead demo --json")
@click.option("--keep", is_flag=True, help="Leave the demo's directory for a look around.")
def demo(door: "Door", keep: bool) -> int:
    """See the whole path work on this machine, with real parts and real traffic.

    It plays in a directory of its own and touches nothing else: no root, no system
    service, no account.
    """
    import msgspec

    from fairlead.cli.paper import talk
    from fairlead.demo.scene import Scene
    from fairlead.demo.tale import Teller

    os.environ["FAIRLEAD_WHO"] = "you"  # the hooks of the demo's own pushes read it
    paper = talk()
    root = Path(tempfile.mkdtemp(prefix="fairlead-demo-"))
    numbers = iter(range(1, 100))

    def chapter(title: str) -> None:
        paper.blank()
        paper.line((f"{next(numbers)}. {title}", "head"))

    def line(text: str) -> None:
        if _worth_telling(text):
            paper.line((text, _ink(text)), indent=3)

    try:
        told = Teller(Scene(root), chapter, line).tell()
        told = msgspec.structs.replace(told, directory=str(root) if keep else "")
        door.show(told, _write)
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
    return 0 if told.well else 1


def _worth_telling(text: str) -> bool:
    """What Fairlead says, and of what the tools say only how it ended."""
    tool, bar, said = text.partition(" | ")
    own = not bar and not tool.startswith((" ", "Using", "Creating", "Resolved", "Prepared"))
    return (own and bool(text.strip())) or said.startswith(("Ran ", "FAIL", "Assertion"))


def _ink(text: str) -> str:
    """The tools' own words are quiet."""
    return "dim" if " | " in text else ""


def _write(paper: "Paper", told: "Told") -> None:
    paper.blank()
    rows = [
        (str(made.number or "-"), made.commit[:10], made.outcome, f"{made.seconds} s", made.subject)
        for made in told.releases
    ]
    paper.table(rows, ("release", "commit", "outcome", "took", "subject"))
    paper.blank()
    saw = told.requests
    paper.line(
        f"{saw.sent} requests through all of it, {saw.failed} failed, worst {saw.max_ms} ms; "
        f"going back took {told.rollback.seconds} s; the whole demo {told.seconds} s"
    )
    if told.directory:
        home = f"{told.directory}/home"
        paper.line(f"kept in {told.directory}: fairlead --home {home} status")
    if not told.well:
        sys.stderr.write("\nnot everything went as it should; please report this\n")
