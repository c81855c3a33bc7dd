"""The difference between what a server should have and what it has. Pure.

A step that is carried out is not asked for again: ``after`` says what each one changes, and the
difference of a world where all were done is empty (a property of its tests).
"""

import difflib
from collections.abc import Iterator

import msgspec

from fairlead.base.canonical import digest_of
from fairlead.server.model import (
    ROOT,
    At,
    Difference,
    Directory,
    Do,
    File,
    Held,
    Kind,
    Known,
    Link,
    Package,
    Program,
    Seen,
    Step,
    Unit,
    UnitSeen,
    User,
    Wanted,
)
from fairlead.server.wanted import MARK

Found = Step | Held


def difference(wanted: Wanted, seen: Seen, *, force: bool = False) -> Difference:
    """The steps, in an order in which each finds what it needs, and what stays untouched.

    With ``force`` a file of ours that somebody edited is written again. What was never ours is
    left alone in any case.
    """
    found = list(_found(wanted, seen, force=force))
    steps = [one for one in found if isinstance(one, Step)]
    held = tuple(one for one in found if isinstance(one, Held))
    return Difference((*steps, *_last(wanted, seen, steps)), held)


def _found(wanted: Wanted, seen: Seen, *, force: bool) -> Iterator[Found]:
    for package in wanted.packages:
        if package.name not in seen.packages:
            argv = ("apt-get", "install", "--yes", "--no-install-recommends", package.name)
            yield Step(Do.INSTALL, package.name, package.why, argv, package)
    for user in wanted.users:
        yield from _user(user, seen)
    for directory in wanted.directories:
        yield from _directory(directory, seen)
    if wanted.program.directory not in seen.programs:
        what = f"Fairlead {wanted.program.version}"
        yield Step(Do.PROGRAM, wanted.program.directory, what, (), wanted.program)
    for file in wanted.files:
        yield from _file(file, seen, force=force)
    for link in wanted.links:
        yield from _link(link, seen)


def _last(wanted: Wanted, seen: Seen, steps: list[Step]) -> Iterator[Step]:
    """Units once their files are there; then whoever has to know of a change and was not just
    started. Who is still owed a word from a run that was cut off gets it now."""
    enabled = [unit for unit in wanted.units if not _runs(unit, seen)]
    changed = {name for step in steps for name in _then(step)} | set(seen.known.owed)
    fresh = {unit.name for unit in enabled if unit.now and not _active(unit, seen)}
    for name, argv in wanted.nudges.items():
        if name in changed - fresh:
            yield Step(Do.TELL, name, "what it reads has changed", argv)
    for unit in enabled:
        argv = ("systemctl", "enable", *(["--now"] if unit.now else []), unit.name)
        yield Step(Do.ENABLE, unit.name, unit.why, argv, unit)


def _then(step: Step) -> tuple[str, ...]:
    return step.item.then if isinstance(step.item, File | Link) else ()


def _active(unit: Unit, seen: Seen) -> bool:
    return seen.units.get(unit.name, UnitSeen()).active


def _runs(unit: Unit, seen: Seen) -> bool:
    found = seen.units.get(unit.name, UnitSeen())
    return found.enabled and (found.active or not unit.now)


def _user(user: User, seen: Seen) -> Iterator[Found]:
    found = seen.users.get(user.name)
    if found is None:
        options = ("--system", "--user-group", "--no-create-home", "--home-dir", user.home)
        yield Step(
            Do.USER, user.name, user.why, ("useradd", *options, "--shell", user.shell, user.name),
            user,
        )  # fmt: skip
    elif found != (user.home, user.shell):
        home, shell = found
        what = f"a user {user.name} is there, with home {home} and shell {shell}"
        hint = f"usermod --home {user.home} --shell {user.shell} {user.name}, if it is ours"
        yield Held(user.name, what, hint, ours=False)


def _directory(wanted: Directory, seen: Seen) -> Iterator[Found]:
    at = seen.paths.get(wanted.path, At())
    if at.kind is Kind.NOTHING:
        yield Step(Do.DIRECTORY, wanted.path, wanted.why, (), wanted)
    elif at.kind is not Kind.DIRECTORY:
        yield _foreign(wanted.path, f"a {at.kind}")
    elif at.owner not in (wanted.owner, ROOT):
        yield _foreign(wanted.path, f"a directory of {at.owner}'s")
    elif (at.owner, at.mode) != (wanted.owner, wanted.mode):
        before = f"{at.owner} {at.mode:04o}"
        yield Step(Do.OWN, wanted.path, wanted.why, (), wanted, before)


def _file(wanted: File, seen: Seen, *, force: bool) -> Iterator[Found]:
    at = seen.paths.get(wanted.path, At())
    if at.kind is Kind.NOTHING:
        yield Step(Do.WRITE, wanted.path, wanted.why, (), wanted)
        return
    if at.kind is not Kind.FILE:
        yield _foreign(wanted.path, f"a {at.kind}")
        return
    ours = seen.known.files.get(wanted.path)
    as_left = ours == digest_of(at.text.encode())
    if at.text == wanted.text:
        if (at.owner, at.mode) != (ROOT, wanted.mode):
            yield Step(Do.OWN, wanted.path, wanted.why, (), wanted, f"{at.owner} {at.mode:04o}")
    elif as_left or (force and (ours or marked(at.text))):
        yield Step(Do.WRITE, wanted.path, wanted.why, (), wanted, at.text)
    elif ours or marked(at.text):
        what = f"{wanted.path} was changed by hand, and stays so"
        hint = "fairlead server install --force writes it again, and keeps a copy of yours"
        yield Held(wanted.path, what, hint, ours=True)
    else:
        yield _foreign(wanted.path, "a file")


def _link(wanted: Link, seen: Seen) -> Iterator[Found]:
    at = seen.paths.get(wanted.path, At())
    if at.kind is Kind.LINK and at.text == wanted.target:
        return
    if at.kind is Kind.NOTHING or (at.kind is Kind.LINK and at.text.startswith(wanted.ours)):
        yield Step(Do.LINK, wanted.path, wanted.why, (), wanted, at.text)
        return
    yield _foreign(wanted.path, f"a {at.kind}" + (f" to {at.text}" if at.text else ""))


def _foreign(path: str, what: str) -> Held:
    return Held(path, f"{what} is in the way that is not ours: {path}", f"move {path}", ours=False)


def marked(text: str) -> bool:
    """Whether a file says of itself that we wrote it, in its first two lines."""
    return any(line.startswith(MARK) for line in text.split("\n")[:2])


def after(step: Step, seen: Seen) -> Seen:
    """What a server has once a step was carried out."""
    known, item, paths = seen.known, step.item, dict(seen.paths)
    owed = tuple(dict.fromkeys((*known.owed, *_then(step))))
    known = msgspec.structs.replace(known, owed=owed)
    if isinstance(item, File):
        paths[item.path] = At(Kind.FILE, ROOT, item.mode, item.text)
        files = {**known.files, item.path: digest_of(item.text.encode())}
        known = msgspec.structs.replace(known, files=files)
    elif isinstance(item, Directory):
        paths[item.path] = At(Kind.DIRECTORY, item.owner, item.mode)
    elif isinstance(item, Link):
        paths[item.path] = At(Kind.LINK, ROOT, 0o777, item.target)
    if step.do is Do.TELL:
        known = msgspec.structs.replace(known, owed=_without(known.owed, step.thing))
    seen = msgspec.structs.replace(seen, known=known, paths=paths)
    return _more(item, seen)


def _more(item: object, seen: Seen) -> Seen:
    if isinstance(item, Package):
        return msgspec.structs.replace(seen, packages=seen.packages | {item.name})
    if isinstance(item, User):
        users = {**seen.users, item.name: (item.home, item.shell)}
        return msgspec.structs.replace(seen, users=users)
    if isinstance(item, Program):
        return msgspec.structs.replace(seen, programs=seen.programs | {item.directory})
    if isinstance(item, Unit):
        active = item.now or _active(item, seen)
        running = {**seen.units, item.name: UnitSeen(enabled=True, active=active)}
        owed = _without(seen.known.owed, item.name)
        known = msgspec.structs.replace(seen.known, owed=owed)
        return msgspec.structs.replace(seen, units=running, known=known)
    return seen


def _without(owed: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in owed if one != name)


def adopted(wanted: Wanted, seen: Seen) -> Known:
    """What we remember from now on: a file that is as we want it is ours."""
    same = {
        file.path: digest_of(file.text.encode())
        for file in wanted.files
        if seen.paths.get(file.path, At()).text == file.text
    }
    return msgspec.structs.replace(seen.known, files={**seen.known.files, **same})


def shown(step: Step) -> str:
    """What a step would change, for a person: the command, or a file's difference."""
    item = step.item
    if step.argv:
        return " ".join(step.argv)
    if isinstance(item, File) and step.do is Do.WRITE:
        lines = difflib.unified_diff(
            step.before.splitlines(), item.text.splitlines(), "/dev/null" if not step.before
            else item.path, item.path, lineterm="", n=3,
        )  # fmt: skip
        return "\n".join(lines)
    if isinstance(item, Directory | File):
        owner = item.owner if isinstance(item, Directory) else ROOT
        was = f", was {step.before}" if step.before else ""
        return f"{owner} {item.mode:04o}{was}"
    if isinstance(item, Link):
        was = f", was {step.before}" if step.before else ""
        return f"-> {item.target}{was}"
    return ""
