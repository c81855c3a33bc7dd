"""Everything of a machine that concerns one clone: what runs it, fronts it, feeds it."""

import hashlib
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairlead.adopt.model import (
    At,
    Clone,
    Cron,
    Living,
    Server,
    Thing,
    Unit,
    Unread,
    Variable,
)
from fairlead.base.errors import NotFound
from fairlead.base.secret import Secret
from fairlead.drivers.living import sites, units
from fairlead.drivers.living.addresses import USUAL, addresses
from fairlead.drivers.living.asking import asked
from fairlead.drivers.living.tree import Tree

_DOTENV = re.compile(r"(?:^|/)\.env(?:\.(?:production|prod|local|live))?$")
_CRONTABS = ("/etc/crontab",)
_CRON_DIRECTORIES = ("/etc/cron.d", "/var/spool/cron/crontabs")
_LINE = re.compile(
    r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*"
    r"(?:'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|((?!['\"])[^\n]*?))[ \t]*(?:[ \t]#[^\n]*)?$",
    re.MULTILINE,
)


class LivingServer:
    """The port ``Servers`` of the adoption. ``prefix`` is ``/``, or where a server's tree lies;
    with ``ask`` the app's own Python is started to say what its settings come to."""

    def __init__(self, prefix: Path, *, ask: bool = False) -> None:
        self._tree = Tree(prefix)
        self._prefix = prefix
        self._ask = ask
        self._unread: list[Unread] = []

    def read(self, clone: Clone) -> Living:
        """See ``fairlead.adopt.ports.Servers``."""
        self._unread = []
        place = self._of_machine(clone.path)
        seen = msgspec.structs.replace(clone, path=place)
        found = self._units(place)
        variables = tuple(self._variables(seen, found))
        fronts = tuple(self._servers(frozenset(a for u in found for a in u.listens), place))
        asked = self._asked(found, variables) if self._ask else ()
        return Living(
            clone=seen,
            units=found,
            servers=fronts,
            variables=variables,
            digests=tuple(self._digests(fronts)),
            crons=tuple(self._crons(place)),
            things=tuple(self._things(seen, fronts, variables)),
            asked=asked,
            unread=tuple(self._unread),
        )

    def _of_machine(self, path: str) -> str:
        """A path as the machine calls it."""
        inside = Path(path).resolve()
        prefix = self._prefix.resolve()
        return f"/{inside.relative_to(prefix)}" if inside.is_relative_to(prefix) else str(inside)

    def _units(self, clone: str) -> tuple[Unit, ...]:
        every = [unit for name in units.names(self._tree) if (unit := self._unit(name))]
        ours = [u for u in every if units.runs_from(u, clone, self._tree)]
        names = {unit.name for unit in ours}
        started = [u for u in every if u.activates in names and u.name not in names]
        handed = {u.activates for u in every if u.kind == "socket"}
        found = [_handed(u) if u.name in handed else u for u in (*ours, *started)]
        return tuple(sorted(found, key=lambda unit: unit.name))

    def _unit(self, name: str) -> Unit | None:
        try:
            unit = units.read(self._tree, name)
            listens = tuple(dict.fromkeys(addresses(unit, self._tree))) if unit else ()
            return msgspec.structs.replace(unit, listens=listens) if unit else None
        except OSError as error:
            self._unread.append(Unread(name, f"cannot be read: {error.strerror or error}"))
            return None

    def _asked(
        self, found: tuple[Unit, ...], variables: tuple[Variable, ...]
    ) -> tuple[Variable, ...]:
        try:
            return asked(self._tree, found, variables)
        except NotFound as error:
            self._unread.append(Unread("the app's settings", error.what))
            return ()

    def _text(self, path: str) -> str | None:
        try:
            return self._tree.text(path)
        except OSError as error:
            self._unread.append(Unread(path, f"cannot be read: {error.strerror or error}"))
            return None

    def _variables(self, clone: Clone, found: tuple[Unit, ...]) -> Iterator[Variable]:
        """Of environment files that units name, and of ``.env`` files in the clone."""
        named = [posixpath.normpath(f.words[0]) for u in found for f in u.environment_files]
        own = [f"{clone.path}/{name}" for name in clone.ignored if _DOTENV.search(name)]
        own += [f"{clone.path}/{f.path}" for f in clone.changed if _DOTENV.search(f.path)]
        for path in dict.fromkeys((*named, *own)):
            text = self._text(path)
            if text is None:
                self._unread.append(Unread(path, "a unit names it, and it is not there"))
            else:
                yield from variables_of(text, path)

    def _servers(self, listens: frozenset[str], clone: str) -> Iterator[Server]:
        found = sites.files_of(self._tree)
        self._unread += [Unread(path, f"cannot be read: {why}") for path, why in found.unread]
        for server in sites.servers(found.files):
            if sites.belongs(server, listens, clone):
                yield server

    def _digests(self, fronts: tuple[Server, ...]) -> Iterator[tuple[str, str]]:
        """Of the files whose directives are named, and of those of the servers' own."""
        files = {one.at.file for server in fronts for one in server.passes}
        files |= {one.at.file for server in fronts for one in server.files}
        for path in sorted(files | {server.file for server in fronts}):
            yield path, f"sha256:{hashlib.sha256(self._tree.here(path).read_bytes()).hexdigest()}"

    def _crons(self, clone: str) -> Iterator[Cron]:
        below = [f"{d}/{n}" for d in _CRON_DIRECTORIES for n in self._tree.names(d)]
        for path in (*_CRONTABS, *below):
            for number, line in enumerate((self._text(path) or "").splitlines(), 1):
                if clone in line and not line.lstrip().startswith("#"):
                    yield Cron(line.strip(), At(path, number))

    def _things(
        self, clone: Clone, fronts: tuple[Server, ...], variables: tuple[Variable, ...]
    ) -> Iterator[Thing]:
        """What is at the paths that anything names."""
        named = [f"{clone.path}/{name.rstrip('/')}" for name in clone.ignored]
        named += [f.directory.rstrip("/") for server in fronts for f in server.files]
        named += [v.value.reveal() for v in variables if v.value.reveal().startswith("/")]
        for path in dict.fromkeys(named):
            found = self._tree.thing(path)
            if found.kind:
                yield found


def _handed(unit: Unit) -> Unit:
    """A service that is handed its socket listens nowhere by itself (sd_listen_fds(3))."""
    own = tuple(address for address in unit.listens if address != USUAL)
    return msgspec.structs.replace(unit, listens=own)


def variables_of(text: str, path: str) -> Iterator[Variable]:
    """``NAME=value`` lines of a ``.env`` or environment file, each with its line."""
    for found in _LINE.finditer(text.replace("\r\n", "\n")):
        name, single, double, bare = found.groups()
        value = single if single is not None else double if double is not None else bare.rstrip()
        if double is not None:
            value = re.sub(r"\\([\"\\$`])", r"\1", value)
        yield Variable(name, Secret(value), At(path, text.count("\n", 0, found.start()) + 1))
