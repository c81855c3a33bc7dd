"""``fairlead up``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.group import verb

if TYPE_CHECKING:
    from fairlead.cli.door import Door
    from fairlead.cli.paper import Paper
    from fairlead.service.up import Up


@verb("up", "fairlead up", "fairlead up ../shop --environment staging")
@click.argument("directory", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--environment", default="", help="Which one; else the first with a branch.")
def up(door: "Door", directory: str, environment: str) -> int:
    """Serve this app, here, now: the commit that is checked out, checked, built, rolled out.

    Starts what is needed (supervisor, proxy, agent), adds the git remote `fairlead`, and
    pushes. From then on `git push fairlead` does the same.
    """
    from fairlead.service.up import up as bring_up
    from fairlead.wire import tools_of, worktree_of

    tools, clone = tools_of(door.home), worktree_of(Path(directory))
    found = bring_up(tools, clone, environment, door.say)
    door.show(found, _write)
    return _code(found)


def _code(found: "Up") -> int:
    return 0 if found.well else 1


def _write(paper: "Paper", found: "Up") -> None:
    for end in found.ends:
        where = f"{end.place}: " if end.place else ""
        paper.line(f"{where}{end.outcome}: {end.sentence}")
    for environment, address in found.addresses:
        paper.line(f"{found.app} in {environment} serves at {address}")
    looks = dict.fromkeys(end.look for end in found.ends if not end.well)
    if looks:
        sys.stderr.write(f"\nhint: {', '.join(looks)}\n")
