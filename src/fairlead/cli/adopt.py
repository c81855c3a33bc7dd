"""``fairlead adopt``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.base.errors import UsageError
from fairlead.cli.group import verb

if TYPE_CHECKING:
    from fairlead.cli.door import Door
    from fairlead.cli.paper import Paper
    from fairlead.service.adopt import Adopted, Proposed

DIRECTORY = click.Path(file_okay=False)


@verb(
    "adopt",
    "fairlead adopt /srv/shop",
    "fairlead adopt --agree fairlead-adopt-shop",
    "fairlead adopt --undo shop",
    "fairlead adopt --confirm shop",
)
@click.argument("path", default="", type=click.Path(file_okay=False))
@click.option("--out", default="", metavar="DIR", help="Where the proposal goes.")
@click.option("--app", default="", metavar="NAME", help="The app's name; else the directory's.")
@click.option("--environment", default="production", show_default=True, metavar="NAME")
@click.option("--root", default="/", type=DIRECTORY, help="Read another tree as the server's.")
@click.option(
    "--ask", is_flag=True, help="Start the app's own Python to say what its settings are."
)
@click.option("--allow-plain", is_flag=True, help="Take files with a secret in them as they are.")
@click.option("--agree", default="", metavar="DIR", help="Carry a proposal out.")
@click.option("--undo", default="", metavar="APP", help="Send the users to the hand-made state.")
@click.option("--confirm", default="", metavar="APP", help="Stop and disable the hand-made units.")
def adopt(
    door: "Door",
    path: str,
    out: str,
    app: str,
    environment: str,
    root: str,
    ask: bool,
    allow_plain: bool,
    agree: str,
    undo: str,
    confirm: str,
) -> int:
    """Take over a server that was set up by hand.

    With a PATH, it reads the clone there, the units that run from it, nginx, environment files
    and settings, and writes down the whole move as files to read and edit. Nothing else is
    changed. --agree carries them out: the app is released beside the hand-made state, and the
    users are handed over. Until --confirm, --undo hands them back.
    """
    if sum(map(bool, (path, agree, undo, confirm))) != 1:
        raise UsageError("one of PATH, --agree, --undo and --confirm", "fairlead adopt --help")
    from fairlead.adopt.rules import Wanted
    from fairlead.service import adopt as service
    from fairlead.wire import tools_of
    from fairlead.wire.adopt import reading, yard_of

    if path:
        clone = Path(path).absolute()
        wanted = Wanted(app, environment, allow_plain)
        done = service.propose(
            reading(Path(root), ask=ask), clone, wanted, Path(out) if out else None
        )
        door.show(done, _proposed)
        return 3 if done.held else 0
    if agree:
        given = service.agreed(Path(agree))
        tools = tools_of(door.home)
        door.show(service.agree(tools, yard_of(tools), given, door.say), _adopted)
        return 0
    tools = door.tools
    yard = yard_of(tools)
    if undo:
        door.show(service.undo(tools, yard, undo), _adopted)
    else:
        door.show(service.confirm(tools, yard, confirm, door.say), _adopted)
    return 0


def _proposed(paper: "Paper", view: "Proposed") -> None:
    paper.line(("proposed in ", "dim"), (view.directory, "head"), ": nothing else was changed")
    for title, lines, style in (
        ("Held back, to be mended first:", view.held, "bad"),
        ("Not understood, look at it:", view.not_understood, "warn"),
        ("Secrets, by name and where found:", view.secrets, ""),
        ("Laid over the code:", view.overlay, ""),
        ("Stays by hand:", view.by_hand, ""),
    ):
        if lines:
            paper.blank()
            paper.line(title)
            for line in lines:
                paper.line("- ", (line, style) if style else line, indent=2)
    paper.blank()
    paper.line(f"next: read {view.directory}/plan.md, edit the files, then")
    paper.line(f"fairlead adopt --agree {view.directory}", indent=2)


def _adopted(paper: "Paper", view: "Adopted") -> None:
    serves = f" at {view.address}" if view.address else ""
    paper.line((f"{view.app}/{view.environment}: {view.stage}", "good"), serves)
    for sentence in view.done:
        paper.line(sentence, indent=2)
