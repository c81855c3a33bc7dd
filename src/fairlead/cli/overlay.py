"""``fairlead overlay``: capture, show, drop, refresh."""

from pathlib import Path

import click

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.cli.door import Door
from fairlead.cli.group import Verbs, verb
from fairlead.cli.paper import Paper
from fairlead.cli.places import PLACE
from fairlead.cli.watching import ended, watch
from fairlead.record.flow import head_of
from fairlead.service import overlay as overlays
from fairlead.service.overlay import OverlaySet, OverlayShown
from fairlead.wire import worktree_of

WHY = click.option("--why", default="", metavar="TEXT", help="For the record.")
NO_WAIT = click.option("--no-wait", is_flag=True, help="Do not follow the rollout to its end.")


@click.group("overlay", cls=Verbs)
def overlay() -> None:
    """What an environment lays over the code: capture, show, drop, refresh.

    The "prod commit", kept in the deploy repo. Every push is merged with it before its checks
    are asked, so a conflict refuses the push and names the hunk.
    """


overlay.examples = (
    "fairlead overlay capture riverside/production",
    "fairlead overlay show riverside/production",
)


@verb(
    "capture",
    "fairlead overlay capture riverside/production",
    "fairlead overlay capture riverside/production --stash 'stash@{0}'",
    "fairlead overlay capture riverside/production --commit HEAD",
    under=overlay,
)
@click.argument("place", type=PLACE)
@click.option("--stash", default="", metavar="STASH", help="What a stash holds.")
@click.option("--commit", default="", metavar="COMMIT", help="What one commit changed.")
@WHY
@NO_WAIT
def capture(door: Door, place: str, stash: str, commit: str, why: str, no_wait: bool) -> int:
    """Make what this clone has over its commit the overlay of a place.

    Changed, removed and new files of the work tree, but for ignored ones. The clone is left as
    it is. The overlay is merged with what serves, checked and built before it is taken; then it
    is a release of its own, and rolled out. It lies readable in the deploy repo: a secret
    belongs in `fairlead secret set`.
    """
    if stash and commit:
        raise UsageError("--stash and --commit at once", "name one of them")
    tools, meant = door.tools, door.place(place)
    clone = worktree_of(Path.cwd())
    since = head_of(tools.store).seq
    found = clone.captured(stash, commit)
    done = overlays.capture(tools, meant, found, clone.top, why, door.say)
    return _follow(door, meant, done, since, wait=not no_wait)


@verb("show", "fairlead overlay show riverside/production", under=overlay)
@click.argument("place", type=PLACE)
def show(door: Door, place: str) -> int:
    """Show what is laid over the code of a place, as a patch."""
    door.show(overlays.shown(door.tools, door.place(place)), _write_shown)
    return 0


@verb("drop", "fairlead overlay drop riverside/production", under=overlay)
@click.argument("place", type=PLACE)
@WHY
@NO_WAIT
def drop(door: Door, place: str, why: str, no_wait: bool) -> int:
    """Lay nothing over the code of a place any more.

    What serves is checked and built without it, and rolled out as a release of its own.
    """
    tools, meant = door.tools, door.place(place)
    since = head_of(tools.store).seq
    done = overlays.drop(tools, meant, why, door.say)
    return _follow(door, meant, done, since, wait=not no_wait)


@verb("refresh", "fairlead overlay refresh riverside/production", under=overlay)
@click.argument("place", type=PLACE)
@WHY
def refresh(door: Door, place: str, why: str) -> int:
    """Write the overlay anew, against the commit that serves.

    The code stays the same; the patch says what is still different, and later merges start
    from here.
    """
    door.show(overlays.refresh(door.tools, door.place(place), why), _write_set)
    return 0


def _follow(door: Door, place: Place, done: OverlaySet, since: int, *, wait: bool) -> int:
    if not done.revision:
        door.show(done, _write_set)
        return 0
    door.tools.machine.wake()
    return ended(door, watch(door, place, done.revision, since, wait=wait))


def _write_set(paper: Paper, view: OverlaySet) -> None:
    what = f"overlay {view.overlay[7:19]}" if view.overlay else "no overlay"
    paper.line(f"{view.place}: {what}, by {view.commit[:7]} in the deploy repo")
    for name in view.files:
        paper.line(f"  {name}")
    paper.line("the code that serves is the same, or nothing is desired here yet")


def _write_shown(paper: Paper, view: OverlayShown) -> None:
    state = "serves" if view.serves else "comes with the next release"
    paper.line(f"{view.place}: overlay {view.overlay[7:19]} on {view.base[:12]}: {state}")
    paper.line(f"it lies in {view.file}")
    paper.line("")
    for line in view.patch.splitlines():
        paper.line(line)
