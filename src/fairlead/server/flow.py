"""Bringing a server to what it should have, to another version, and back to nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from fairlead.base.canonical import digest_of
from fairlead.base.errors import NotFound, Refused, Unknown
from fairlead.server import rules
from fairlead.server.model import (
    Difference,
    Do,
    File,
    Link,
    Program,
    Seen,
    Settings,
    Step,
    Wanted,
)
from fairlead.server.ports import Host, Programs
from fairlead.server.settings import FILE, parse
from fairlead.server.wanted import (
    AGENT,
    CADDY,
    CURRENT,
    HOME,
    PROGRAMS,
    SSH,
    SYSTEMD,
    TMPFILES,
    wanted,
)

Say = Callable[[str], None]

ANSWERS_WITHIN = 30.0
"""Seconds an agent may take from its start until it answers."""


@dataclass(frozen=True)
class Ground:
    """A machine, and the programs that can be put there."""

    host: Host
    programs: Programs


def settings(ground: Ground, proxy: str = "") -> Settings:
    """What was decided for the machine. Raises UsageError when ``proxy`` says otherwise."""
    text = ground.host.text(FILE)
    if text is None:
        return Settings(proxy=proxy) if proxy else Settings()
    found = parse(text)
    if proxy and proxy != found.proxy:
        raise Refused(f'{FILE} says proxy = "{found.proxy}"', f"edit {FILE}, and install again")
    return found


def wish(ground: Ground, program: Program, proxy: str = "") -> Wanted:
    """What the machine should have. The settings are the person's: as they are, they are right."""
    decided = settings(ground, proxy)
    made, text = wanted(decided, program), ground.host.text(FILE)
    files = tuple(
        msgspec.structs.replace(file, text=text) if text is not None and file.path == FILE else file
        for file in made.files
    )
    return msgspec.structs.replace(made, files=files)


def difference(ground: Ground, wanted: Wanted, *, force: bool = False) -> tuple[Seen, Difference]:
    """What the machine has, and the way to what it should have."""
    seen = ground.host.look(wanted)
    return seen, rules.difference(wanted, seen, force=force)


def refuse_foreign(found: Difference, *, packages: bool) -> None:
    """Raises Refused, before anything was done, for what is in the way and not ours; and for
    packages that are missing where nobody has agreed to their installation."""
    foreign = [one for one in found.held if not one.ours]
    if foreign:
        raise Refused("\n".join(one.what for one in foreign), foreign[0].hint)
    lacking = [step.thing for step in found.steps if step.do is Do.INSTALL]
    if lacking and not packages:
        names = " ".join(lacking)
        hint = f"apt install {names}; or --yes, and it is done for you"
        raise Refused(f"not installed: {names}", hint)


def carry_out(ground: Ground, wanted: Wanted, seen: Seen, found: Difference, say: Say) -> None:
    """All steps. Killed anywhere and begun again, it ends the same: who has to be told of a
    change is remembered before the change, and what lies there as wanted is ours."""
    known = seen.known
    for step in found.steps:
        say(f"{step.do}: {step.thing}: {step.why}")
        if isinstance(step.item, File) and step.before and _edited(step, seen):
            say(f"what was there is kept: {ground.host.keep(step.thing, step.before)}")
        told = rules.after(step, msgspec.structs.replace(seen, known=known)).known
        if told.owed != known.owed and step.do is not Do.TELL:
            ground.host.remember(msgspec.structs.replace(known, owed=told.owed))
        ground.host.do(step)
        known = told
        ground.host.remember(known)
    ground.host.remember(rules.adopted(wanted, ground.host.look(wanted)))


def _edited(step: Step, seen: Seen) -> bool:
    known = seen.known.files.get(step.thing)
    return step.do is Do.WRITE and known != digest_of(step.before.encode())


def await_agent(ground: Ground, program: Program) -> None:
    """Wait until the agent of that program answers. Raises Unknown."""
    found = ground.host.agent(ANSWERS_WITHIN)
    if found is None:
        what = f"the agent does not answer after {ANSWERS_WITHIN:.0f} s"
        raise Unknown(what, f"journalctl --unit {AGENT} --lines 50")
    if found[1] != program.directory:
        what = f"another agent answers than the one that was installed: {found[1]}"
        raise Unknown(what, f"systemctl status {AGENT}")


def upgrade(ground: Ground, say: Say, *, packages: bool = False) -> tuple[Difference, str]:
    """Put this program in force; the difference that was, and the program before it.

    Copies are not touched. When its agent does not answer, the program before is in force
    again, and Unknown is raised.
    """
    own = ground.programs.own()
    wanted_now = wish(ground, own)
    seen, found = difference(ground, wanted_now)
    before = _current(seen)
    if not before:
        raise NotFound("no Fairlead is installed on this machine", "fairlead server install")
    refuse_foreign(found, packages=packages)
    carry_out(ground, wanted_now, seen, found, say)
    try:
        await_agent(ground, own)
    except Unknown as unknown:
        if before != own.directory:
            _back(ground, wanted_now, before, say)
        raise Unknown(f"{unknown.what}; {before} is in force again", unknown.hint) from unknown
    if before != own.directory:
        known = ground.host.look(wanted_now).known
        ground.host.remember(msgspec.structs.replace(known, previous=before))
        ground.programs.prune((own.directory, before))
    return found, before if before != own.directory else ""


def _current(seen: Seen) -> str:
    at = seen.paths.get(CURRENT)
    return at.text if at and at.text else ""


def _back(ground: Ground, wanted_now: Wanted, before: str, say: Say) -> None:
    link = next(link for link in wanted_now.links if link.path == CURRENT)
    say(f"{Do.LINK}: {CURRENT}: the new agent does not answer")
    ground.host.do(
        Step(Do.LINK, CURRENT, "back", item=msgspec.structs.replace(link, target=before))
    )
    ground.host.do(Step(Do.TELL, AGENT, "back", wanted_now.nudges[AGENT]))


def previous(ground: Ground) -> str:
    """The program before the one in force. Raises NotFound."""
    found = ground.host.look(wish(ground, ground.programs.own())).known.previous
    if not found:
        raise NotFound("there is no version to go back to", "fairlead server upgrade --wheel FILE")
    return found


def removal(
    ground: Ground, wanted: Wanted, seen: Seen, *, apps: bool, data: bool
) -> tuple[Step, ...]:
    """The steps that take Fairlead off a machine, and with ``apps`` what it runs there. With
    ``data`` also all that it stored; without, that stays."""
    found = [*_units(ground, apps=apps)]
    keeps = () if apps else _serving(wanted)
    items: tuple[File | Link, ...] = (*wanted.links, *wanted.files)
    for item in items:
        if item.path in seen.paths and item.path not in keeps and _ours(item, seen):
            found.append(Step(Do.REMOVE, item.path, item.why))
    found.append(Step(Do.TELL, SYSTEMD, "its units have changed", wanted.nudges[SYSTEMD]))
    found.append(Step(Do.TELL, SSH, "nobody pushes any more", wanted.nudges[SSH]))
    directories = [PROGRAMS] if apps or settings(ground).proxy != "caddy" else []
    directories += ["/etc/fairlead", f"{HOME}/hooks"]
    directories += ["/run/fairlead"] if apps else []
    directories += [HOME] if data else []
    found += [Step(Do.REMOVE, one, "Fairlead's own") for one in directories]
    if data:
        users = [user.name for user in wanted.users if user.name in seen.users]
        users += [name for name, at in seen.users.items() if _of_place(name, at)]
        found += [Step(Do.REMOVE, one, "nobody needs it", ("userdel", one)) for one in users]
    return tuple(found)


def _of_place(name: str, at: tuple[str, str]) -> bool:
    """Whether a user is one that an app ran as (drivers.systemd.places)."""
    return name.startswith("fl-") and at == ("/nonexistent", "/usr/sbin/nologin")


def _units(ground: Ground, *, apps: bool) -> list[Step]:
    agent = ("systemctl", "disable", "--now", AGENT)
    steps = [Step(Do.STOP, AGENT, "no push is answered any more", agent)]
    if not apps:
        return steps
    units = ground.host.copies()
    if units:
        argv = ("systemctl", "disable", "--now", *units)
        steps.append(Step(Do.STOP, f"{len(units)} units of apps", "as asked", argv))
        paths = (f"/etc/systemd/system/{unit}" for unit in units)
        steps += [Step(Do.REMOVE, path, "a unit of an app") for path in paths]
    left = ground.host.left()
    steps += [Step(Do.REMOVE, path, "an app's") for path in left]
    if any("nginx" in path for path in left):
        argv = ("systemctl", "try-reload-or-restart", "nginx.service")
        steps.append(Step(Do.TELL, "nginx.service", "routes are gone", argv))
    return steps


def _serving(wanted: Wanted) -> tuple[str, ...]:
    """What apps need to go on, also after a reboot: the directory of their sockets, and Caddy."""
    caddy = any(file.path == CADDY for file in wanted.files)
    return (TMPFILES, CADDY, CURRENT) if caddy else (TMPFILES,)


def _ours(item: File | Link, seen: Seen) -> bool:
    at = seen.paths[item.path]
    if isinstance(item, Link):
        return at.text.startswith(item.ours)
    return item.path in seen.known.files or rules.marked(at.text)


def take_off(ground: Ground, steps: Sequence[Step], say: Say) -> None:
    """Carry a removal out; what is gone already is fine."""
    for step in steps:
        say(f"{step.do}: {step.thing}: {step.why}")
        ground.host.do(step)
    ground.host.forget()
