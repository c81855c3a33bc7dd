"""systemd's unit files, with drop-ins, read as systemd reads them.

systemd.unit(5): where they lie and which comes first, drop-ins, specifiers; systemd.syntax(7):
comments, continued lines, quoting; systemd.exec(5): Environment=, EnvironmentFile=.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fairlead.adopt.model import At, Unit, Variable, Words
from fairlead.base.secret import Secret
from fairlead.drivers.living.tree import Tree

PATHS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
)
"""The first that has a file of a name has it for all."""
_KINDS = ("service", "socket", "timer")
_WHEN = ("OnCalendar", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec")


class Entry(NamedTuple):
    """One assignment of a unit file."""

    section: str
    key: str
    value: str
    at: At


def entries(text: str, file: str) -> Iterator[Entry]:
    """The assignments of one file. A line that ends in ``\\`` goes on, comments between."""
    section, held, begun = "", "", 0
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if bare.startswith(("#", ";")) or (not bare and not held):
            continue
        begun = begun if held else number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        whole, held = (held + line).strip(), ""
        if whole.startswith("[") and whole.endswith("]"):
            section = whole[1:-1]
        elif "=" in whole:
            key, _, value = whole.partition("=")
            yield Entry(section, key.strip(), value.strip(), At(file, begun))


class Assignments:
    """All of a unit's assignments, in the order in which they count."""

    def __init__(self, found: Sequence[Entry], name: str) -> None:
        self._found = found
        self._name = name

    def all(self, key: str) -> list[tuple[str, At]]:
        """The values of a key that may stand more than once; an empty one forgets those before."""
        kept: list[tuple[str, At]] = []
        for entry in self._found:
            if entry.key == key:
                kept = [*kept, (self.filled(entry.value), entry.at)] if entry.value else []
        return kept

    def last(self, key: str) -> str:
        """The value of a key that counts once."""
        return next((self.filled(e.value) for e in reversed(self._found) if e.key == key), "")

    def filled(self, value: str) -> str:
        """The specifiers that a unit's own name fills in."""
        stem = self._name.rpartition(".")[0]
        prefix, _, instance = stem.partition("@")
        known = {"n": self._name, "N": stem, "p": prefix, "i": instance, "I": instance, "%": "%"}
        return re.sub(r"%([nNpiI%])", lambda found: known[found[1]], value)


def names(tree: Tree) -> tuple[str, ...]:
    """Every unit that is there, instances of templates that are enabled among them."""
    found: set[str] = set()
    for directory in PATHS:
        for name in tree.names(directory):
            if name.endswith((".wants", ".requires")):
                found |= set(tree.names(f"{directory}/{name}"))
            else:
                found.add(name)
    kinds = tuple(f".{kind}" for kind in _KINDS)
    return tuple(sorted(n for n in found if n.endswith(kinds) and "@." not in n))


def read(tree: Tree, name: str) -> Unit | None:
    """One unit; None where its file is missing or masked. Raises OSError."""
    path = _path(tree, name)
    if not path:
        return None
    files = [path, *_drop_ins(tree, name)]
    texts = [(file, tree.text(file)) for file in files]
    found = [entry for file, text in texts if text for entry in entries(text, file)]
    said = Assignments(found, name)
    return _unit(tree, name, tuple(files), said) if found else None


def _path(tree: Tree, name: str) -> str:
    prefix, at, rest = name.partition("@")
    template = f"{prefix}@.{rest.rpartition('.')[2]}" if at else ""
    for wanted in filter(None, (name, template)):
        for directory in PATHS:
            path = f"{directory}/{wanted}"
            if tree.real(path) == "/dev/null":
                return ""
            if tree.thing(path).kind == "file":
                return path
    return ""


def _drop_ins(tree: Tree, name: str) -> list[str]:
    """By their names, the first directory's of a name; for the template before the instance."""
    prefix, at, rest = name.partition("@")
    owners = [f"{prefix}@.{rest.rpartition('.')[2]}", name] if at else [name]
    found: dict[str, str] = {}
    for owner in reversed(owners):
        for directory in PATHS:
            for file in tree.names(f"{directory}/{owner}.d"):
                if file.endswith(".conf"):
                    found.setdefault(file, f"{directory}/{owner}.d/{file}")
    return [found[file] for file in sorted(found)]


def _unit(tree: Tree, name: str, files: tuple[str, ...], said: Assignments) -> Unit:
    kind = name.rpartition(".")[2]
    commands = tuple(_words(value, at) for value, at in said.all("ExecStart"))
    before = tuple(_words(value, at) for value, at in said.all("ExecStartPre"))
    environment = said.all("EnvironmentFile")
    stem = name.rpartition(".")[0]
    activates = said.last("Service" if kind == "socket" else "Unit") if kind != "service" else ""
    schedule = tuple(f"{key}={v}" for key in _WHEN for v, _ in said.all(key))
    return Unit(
        name=name,
        kind=kind,
        at=commands[0].at if commands else At(files[0], 1),
        files=files,
        commands=commands,
        before=before,
        directory=said.last("WorkingDirectory").lstrip("-"),
        user=said.last("User"),
        oneshot=said.last("Type") == "oneshot",
        enabled=_enabled(tree, name),
        variables=tuple(_variables(said)),
        environment_files=tuple(Words((value.lstrip("-"),), at) for value, at in environment),
        listens=tuple(filter(None, (_listen(v) for v, _ in said.all("ListenStream")))),
        activates=activates or ("" if kind == "service" else f"{stem}.service"),
        schedule=schedule,
    )


def _words(value: str, at: At) -> Words:
    """A command line without what stands before its program (systemd.service(5))."""
    bare = re.sub(r"^[-@:+!|]+", "", value)
    return Words(tuple(split(bare)), at)


def split(text: str) -> list[str]:
    """Words as systemd splits them, nearly as a shell does; an open quote is a letter."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _variables(said: Assignments) -> Iterator[Variable]:
    found: dict[str, Variable] = {}
    for value, at in said.all("Environment"):
        for word in split(value):
            name, equals, held = word.partition("=")
            if equals:
                found[name] = Variable(name, Secret(held), at)
    yield from found.values()


def _listen(value: str) -> str:
    if value.startswith("/"):
        return f"unix/{value}"
    if value.isdecimal():
        return f"127.0.0.1:{value}"
    host, _, port = value.rpartition(":")
    return f"{host}:{port}" if port.isdecimal() else ""


def _enabled(tree: Tree, name: str) -> bool:
    """Whether something wants it at boot."""
    wants = (
        f"{directory}/{below}/{name}"
        for directory in PATHS
        for below in tree.names(directory)
        if below.endswith((".wants", ".requires"))
    )
    return any(tree.is_link(path) for path in wants)


def runs_from(unit: Unit, clone: str, tree: Tree) -> bool:
    """Whether a unit works in the clone, runs a program of it, or is told its path."""
    texts = [unit.directory, *(w for c in (*unit.commands, *unit.before) for w in c.words)]
    paths = [part for text in texts for part in re.split(r"[=:,\s]", text) if part.startswith("/")]
    paths += [f.words[0] for f in unit.environment_files]
    return any(_below(posixpath.normpath(path), clone, tree) for path in paths)


def _below(path: str, clone: str, tree: Tree) -> bool:
    return any(p == clone or p.startswith(f"{clone}/") for p in (path, tree.real(path)))
