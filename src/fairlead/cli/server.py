"""``fairlead server``: a machine that runs Fairlead."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from fairlead.base.errors import NotAllowed, UsageError
from fairlead.base.paths import SERVER_HOME, Home
from fairlead.cli import words
from fairlead.cli.door import Door
from fairlead.cli.group import Verbs, verb
from fairlead.cli.paper import Paper, Piece
from fairlead.service import server as machine
from fairlead.service.access import KeyDone, KeyList, key_add, key_list, key_remove
from fairlead.service.server import Done, Health, Office

_ANSWERS = {"ok": "good", "wrong": "bad", "not known": "warn"}
ROOT = click.option("--root", default="", metavar="DIR", help="A directory instead of /.")
DRY = click.option("--dry-run", is_flag=True, help="Show every file and command; do nothing.")


@click.group("server", cls=Verbs)
def server() -> None:
    """A machine that runs Fairlead: install, doctor, keys.

    It is prepared once, as root. After that people push to it over SSH, each with a key and
    rights of their own, and nobody needs a shell there.
    """


server.examples = (
    "sudo fairlead server install",
    "fairlead server key add ada --right push:shop < ada.pub",
    "fairlead server doctor",
)


@verb(
    "install",
    "fairlead server install --dry-run",
    "fairlead server install --proxy caddy --yes",
    under=server,
)
@click.option("--proxy", type=click.Choice(["nginx", "caddy"]), help="Who stands before the apps.")
@DRY
@click.option("--yes", is_flag=True, help="Install Debian packages that are missing, too.")
@click.option("--force", is_flag=True, help="Write files again that were changed by hand.")
@ROOT
def install(
    door: Door, proxy: str | None, dry_run: bool, yes: bool, force: bool, root: str
) -> None:
    """Make this machine a server, or bring it back to what one should be.

    It makes two system users, directories, an agent that starts with the machine, an addition
    to sshd's settings for the user of pushes, and puts this very Fairlead into /opt/fairlead.
    What is not Fairlead's is never touched: where it is in the way, nothing is done at all.
    Said again, it does only what is missing.
    """
    office = _office(root, dry_run=dry_run)
    done = machine.install(
        office, door.say, proxy=proxy or "", packages=yes, force=force, dry_run=dry_run
    )
    door.show(done, write)


@verb(
    "upgrade",
    "fairlead server upgrade --wheel fairlead-0.2.0-py3-none-any.whl",
    "fairlead server upgrade --undo",
    under=server,
)
@click.option("--wheel", type=click.Path(path_type=Path), metavar="FILE", help="The new version.")
@click.option("--undo", is_flag=True, help="Go back to the version before.")
@click.option("--yes", is_flag=True, help="Install Debian packages that are missing, too.")
@ROOT
def upgrade(door: Door, wheel: Path | None, undo: bool, yes: bool, root: str) -> None:
    """Put another version of Fairlead in force: this one, or the one in a wheel.

    It is installed beside the one before; then a link is turned and the agent starts anew, in
    under a second. Copies and the proxy are not touched, and a push under way waits. When the
    new agent does not answer, the version before is in force again.
    """
    if wheel and undo:
        raise UsageError("--wheel and --undo are two things", "fairlead server upgrade --undo")
    office = _office(root)
    if wheel or undo:
        door.say("asking the other version to put itself in force")
        _become(machine.other(office, wheel.absolute() if wheel else None), door, root, yes=yes)
    door.show(machine.upgrade(office, door.say, packages=yes), write)


def _become(program: Path, door: Door, root: str, *, yes: bool) -> NoReturn:
    """A version knows best itself what it needs; so an upgrade is the other version's."""
    given = [*(["--root", root] if root else []), *(["--yes"] if yes else [])]
    given += ["--json"] if door.json else []
    sys.stdout.flush()
    os.execv(program, [str(program), "server", "upgrade", *given])  # noqa: S606  a list, no shell


@verb(
    "uninstall",
    "fairlead server uninstall --keep-apps --dry-run",
    "fairlead server uninstall --remove-apps",
    under=server,
)
@click.option("--keep-apps", is_flag=True, help="Apps run on, also after a reboot.")
@click.option("--remove-apps", is_flag=True, help="Apps are ended, their units and routes removed.")
@click.option("--remove-data", is_flag=True, help="With --remove-apps: all that was stored, too.")
@DRY
@click.option("--yes", is_flag=True, help="Do not ask.")
@ROOT
def uninstall(
    door: Door, keep_apps: bool, remove_apps: bool, remove_data: bool, dry_run: bool, yes: bool, root: str
) -> None:  # fmt: skip
    """Take Fairlead off this machine.

    What is stored (releases, backups, uploads, the record) stays in /var/lib/fairlead, unless
    --remove-data says otherwise. Debian packages stay as they are.
    """
    if keep_apps == remove_apps or (remove_data and not remove_apps):
        what = "what is to become of the apps?"
        raise UsageError(what, "say --keep-apps, or --remove-apps (and --remove-data)")
    office = _office(root, dry_run=dry_run)
    if not (dry_run or yes or door.ask(_question(remove_apps, remove_data))):
        raise UsageError("nobody said yes", "--yes says it; --dry-run shows what would be done")
    done = machine.uninstall(office, door.say, apps=remove_apps, data=remove_data, dry_run=dry_run)
    door.show(done, write)


def _question(apps: bool, data: bool) -> str:
    if data:
        return "End all apps, and remove all that they and Fairlead stored?"
    return "End all apps and take Fairlead off?" if apps else "Take Fairlead off? Apps run on."


@verb("doctor", "fairlead server doctor", "fairlead server doctor --json", under=server)
def doctor(door: Door) -> int:
    """Look at everything a living server needs; exits with 1 when something is not ok."""
    view = machine.doctor(_office(""))
    door.show(view, findings)
    return 0 if view.well else 1


@click.group("key", cls=Verbs)
def key() -> None:
    """Who may come over SSH, with which key, and what they may do."""


key.examples = (
    "fairlead server key add ada --right push:shop --right read < ada.pub",
    "fairlead server key list",
)
server.add_command(key)


@verb(
    "add",
    "fairlead server key add ada --right push:shop < ada.pub",
    "fairlead server key add ci --right 'push:*' < ci.pub",
    under=key,
)
@click.argument("name")
@click.option("--right", multiple=True, metavar="RIGHT", help="read, push:APP, push:* or admin.")
def add(door: Door, name: str, right: tuple[str, ...]) -> None:
    """Let somebody come with a public key, read from standard input.

    A right may be given more than once: read (look at everything), push:APP or push:* (push,
    look at and roll back), admin (all that is answered over SSH).
    """
    if sys.stdin.isatty():
        door.say("paste the one line of a .pub file, then Ctrl-D")
    text = sys.stdin.buffer.read(1 << 16).decode(errors="backslashreplace")
    door.show(key_add(_home(door).tools, name, text, right), key_done)


@verb("list", "fairlead server key list", under=key)
def list_(door: Door) -> None:
    """Every key that opens the door."""
    door.show(key_list(_home(door).tools), key_lines)


@verb("remove", "fairlead server key remove ada", under=key)
@click.argument("name")
@click.argument("fingerprint", default="")
def remove(door: Door, name: str, fingerprint: str) -> None:
    """Take one key of somebody away, or all of them; for the next login."""
    door.show(key_remove(_home(door).tools, name, fingerprint), key_done)


def _home(door: Door) -> Door:
    """The server's home, unless another is named."""
    return door if door.home_given else Door(str(SERVER_HOME), door.json)


def _office(root: str, *, dry_run: bool = False) -> Office:
    from fairlead.wire import office_of

    prefix = Path(root or "/").absolute()
    if os.geteuid() != 0 and not dry_run:
        raise NotAllowed("only root may change a machine", "sudo, before the same command")
    return office_of(Home(prefix / SERVER_HOME.relative_to("/")))


def write(paper: Paper, view: Done) -> None:
    """Steps with their commands and differences, and what to do by hand."""
    for step in view.steps if view.done.startswith("would") else ():
        paper.line((f"{step.do} ", "head"), step.thing, (f"  {step.why}", "dim"))
        for line in step.shown.splitlines():
            paper.line(line, indent=4)
    for one in view.held:
        paper.line((one.what, "warn"))
        paper.line(one.hint, indent=2)
    paper.line((view.done, "good"), f": Fairlead {view.version}, {view.directory}")
    if view.previous:
        paper.line(f"back: fairlead server upgrade --undo ({view.previous})")
    for line in view.advice:
        paper.line((line, "dim"))


def findings(paper: Paper, view: Health) -> None:
    """One line a thing; the command that mends it below."""
    for one in view.findings:
        paper.line((one.answer, _ANSWERS[one.answer]), f": {one.thing}: {one.sentence}")
        if one.mend:
            paper.line(one.mend, indent=4)


def key_done(paper: Paper, view: KeyDone) -> None:
    """What was done, and what that person may do now."""
    rights = ", ".join(view.rights) or "nothing yet: --right says what"
    for one in view.fingerprints:
        paper.line(f"{view.person}: {one}: {view.done}")
    paper.line(f"{view.person} may: {rights}")


def key_lines(paper: Paper, view: KeyList) -> None:
    """One line a key."""
    if not view.keys:
        paper.line("nobody may come yet: fairlead server key add NAME --right push:APP < KEY.pub")
        return
    rows: list[list[Piece]] = [
        [k.person, k.fingerprint, (words.clock(k.added, paper.now), "dim"), ", ".join(k.rights)]
        for k in view.keys
    ]
    paper.table(rows, ["person", "key", "since", "may"])
