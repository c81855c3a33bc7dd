"""A Debian machine that is to run Fairlead, or a directory that will be one's root.

Below a prefix there is nobody to talk to: users are made there (useradd(8), ``--prefix``), units
are enabled there (systemctl(1), ``--root``), and nothing is started, told or checked.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from fairlead.base.canonical import digest_of
from fairlead.base.door import ask
from fairlead.base.errors import FairleadError, NotFound, Refused, Unknown
from fairlead.base.paths import Home
from fairlead.drivers._files import flush_directory, write_whole
from fairlead.drivers.host import health, look
from fairlead.server.model import (
    ROOT,
    Directory,
    Do,
    File,
    Health,
    Known,
    Link,
    Program,
    Seen,
    Step,
    UnitSeen,
    Wanted,
)

LIMIT = 900.0
"""Seconds a command may take; apt-get fetches packages."""

_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
_UNITS = "etc/systemd/system"
_LEFT = (
    "etc/nginx/conf.d/fairlead-*.conf",
    "etc/tmpfiles.d/fairlead-*.conf",
    "etc/systemd/system/fairlead-hold@.service",
    "etc/systemd/system/fairlead*.target.wants",
)


class DebianHost:
    """See ``fairlead.server.ports.Host``. ``make_program`` installs Fairlead itself; ``recorded``
    is the time of the record's newest entry."""

    def __init__(
        self,
        home: Home,
        make_program: Callable[[Program], None],
        recorded: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._home = home
        self._prefix = home.prefix
        self._live = home.prefix == Path("/")
        self._users = look.Users(home.prefix)
        self._make_program = make_program
        self._recorded = recorded

    def _at(self, path: str) -> Path:
        return self._prefix / path.lstrip("/")

    def look(self, wanted: Wanted) -> Seen:
        """See ``fairlead.server.ports.Host``."""
        users = self._users.all()
        names = {uid: name for name, (uid, _, _, _) in reversed(users.items())}
        items: tuple[Directory | File | Link, ...]
        items = (*wanted.directories, *wanted.files, *wanted.links)
        paths = [one.path for one in items]
        own = wanted.program.directory
        return Seen(
            packages=frozenset(p.name for p in wanted.packages if self._at(p.program).exists()),
            users={name: (home, shell) for name, (_, _, home, shell) in users.items()},
            programs=frozenset([own] if self._at(own).is_dir() else []),
            paths={path: look.at(self._at(path), {0: ROOT} | names) for path in paths},
            units=self._units([unit.name for unit in wanted.units]),
            known=self._known(),
        )

    def _units(self, names: list[str]) -> dict[str, UnitSeen]:
        if self._live:
            return look.units(names)
        found = {}
        for name in names:
            there = os.path.lexists(self._prefix / _UNITS / "multi-user.target.wants" / name)
            found[name] = UnitSeen(enabled=there, active=there)
        return found

    def text(self, path: str) -> str | None:
        """See ``fairlead.server.ports.Host``."""
        try:
            return self._at(path).read_text(errors="backslashreplace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unknown(f"it cannot be read: {path}: {error.strerror}", "be root") from error

    def do(self, step: Step) -> None:
        """See ``fairlead.server.ports.Host``."""
        item = step.item
        if step.do is Do.REMOVE and not step.argv:
            self._remove(self._at(step.thing))
        elif step.argv:
            self._command(step)
        elif isinstance(item, Program):
            self._make_program(item)
        elif isinstance(item, File) and step.do is Do.WRITE:
            self._write(item, step.before)
        elif isinstance(item, Directory):
            path = self._at(item.path)
            path.mkdir(parents=True, exist_ok=True)
            self._own(path, item.owner, item.mode)
        elif isinstance(item, File):
            self._own(self._at(item.path), ROOT, item.mode)
        elif isinstance(item, Link):
            self._link(item)

    def _command(self, step: Step) -> None:
        if self._live:
            _run(step.argv)
        elif step.argv[0] in ("useradd", "userdel"):
            _run((step.argv[0], "--prefix", str(self._prefix), *step.argv[1:]))
        elif step.do in (Do.ENABLE, Do.STOP):
            words = (word for word in step.argv[1:] if word != "--now")
            _run(("systemctl", f"--root={self._prefix}", *words))
        elif step.do is Do.INSTALL:
            what = f"a package cannot be installed below {self._prefix}: {step.thing}"
            raise Refused(what, "install it there first, with debootstrap for example")

    def _own(self, path: Path, owner: str, mode: int) -> None:
        """Also of what was somebody else's: the mode last, so that it never opens too early."""
        found = self._users.all().get(owner, (0, 0, "", "")) if owner != ROOT else (0, 0, "", "")
        if owner != ROOT and not found[0]:
            raise NotFound(f"no such user: {owner}", "fairlead server install")
        os.chown(path, found[0], found[1], follow_symlinks=False)
        path.chmod(mode)

    def _write(self, file: File, before: str) -> None:
        path = self._at(file.path)
        self._put(path, file.text, file.mode)
        if not (file.check and self._live):
            return
        try:
            _run(file.check)
        except FairleadError as error:
            if before:
                self._put(path, before, file.mode)
            else:
                path.unlink(missing_ok=True)
            what = f"{file.path} was not taken, and is as it was: {error.what}"
            raise Refused(what, " ".join(file.check)) from error

    def _put(self, path: Path, text: str, mode: int) -> None:
        """In place at once, with its mode: a hook that may not be run is a hook that git leaves
        out. Its name until then is none that sshd, systemd or git would read."""
        fresh = path.with_name(f".{path.name}.fairlead")
        write_whole(fresh, text.encode())
        self._own(fresh, ROOT, mode)
        fresh.replace(path)
        flush_directory(path.parent)

    def _link(self, link: Link) -> None:
        path = self._at(link.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.fairlead")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(link.target)
        fresh.replace(path)
        flush_directory(path.parent)

    def _remove(self, path: Path) -> None:
        mounted = _mounted_below(path)
        if mounted:  # an adopted app's uploads, which lie elsewhere and are nobody's to remove
            unit = f"systemctl disable --now $(systemd-escape --path --suffix=mount {mounted})"
            raise Refused(f"something is mounted below {path}: {mounted}", unit)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def keep(self, path: str, text: str) -> str:
        """See ``fairlead.server.ports.Host``."""
        tail = digest_of(text.encode())[-8:]
        kept = self._home.root / "replaced" / f"{path.strip('/').replace('/', '+')}.{tail}"
        write_whole(kept, text.encode())
        return str(kept)

    @property
    def _state(self) -> Path:
        return self._home.root / "server.json"

    def _known(self) -> Known:
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=Known)
        except FileNotFoundError:
            return Known()
        except (OSError, msgspec.MsgspecError) as error:
            what = f"what was installed is not known: {self._state}: {error}"
            raise Unknown(what, f"look at {self._state}") from error

    def remember(self, known: Known) -> None:
        """See ``fairlead.server.ports.Host``."""
        data = msgspec.json.encode(known)
        if not self._state.exists() or self._state.read_bytes() != data:
            write_whole(self._state, data)

    def forget(self) -> None:
        """See ``fairlead.server.ports.Host``."""
        self._state.unlink(missing_ok=True)

    def copies(self) -> tuple[str, ...]:
        """See ``fairlead.server.ports.Host``."""
        found = (path.name for path in (self._prefix / _UNITS).glob("fairlead[-.]*"))
        kinds = (".service", ".socket", ".slice", ".target")
        # A template is of no copy: it cannot be stopped.
        units = (name for name in found if name.endswith(kinds) and "@." not in name)
        return tuple(sorted(name for name in units if name != health.AGENT))

    def left(self) -> tuple[str, ...]:
        """See ``fairlead.server.ports.Host``."""
        found = [path for pattern in _LEFT for path in self._prefix.glob(pattern)]
        return tuple(sorted(f"/{path.relative_to(self._prefix)}" for path in found))

    def health(self, wanted: Wanted, proxy: str) -> Health:
        """See ``fairlead.server.ports.Host``."""
        return Health(
            agent=self.agent(0.0),
            failed=health.ours("failed"),
            masked=health.masked(),
            proxy_runs=health.runs(proxy),
            proxy_refuses=health.refusal(proxy),
            disk=health.disk(self._home.root),
            memory=health.memory(),
            synchronised=health.synchronised(),
            sshd=health.sshd(wanted.users[0].name),
            certificates=health.certificates(self._prefix),
            reboot=health.reboot_pending(),
            now=time.time(),
            recorded=self._recorded(),
        )

    def agent(self, within: float) -> tuple[str, str] | None:
        """See ``fairlead.server.ports.Host``."""
        deadline = time.monotonic() + within
        while True:
            try:
                said = list(ask(self._home.agent_door, {"kind": "hail"}, 0.0))
            except FairleadError:
                said = []
            if said and said[-1] == 0:
                return str(said[0]), str(said[1])
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)


def _run(argv: tuple[str, ...]) -> None:
    """Run a command. Raises FairleadError with its last words."""
    try:
        ran = subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_QUIET},
            timeout=LIMIT,
        )
    except FileNotFoundError:
        raise NotFound(f"there is no {argv[0]} on this machine", " ".join(argv)) from None
    except subprocess.TimeoutExpired:
        raise Unknown(f"{argv[0]} gave no answer in {LIMIT:.0f} s", " ".join(argv)) from None
    if ran.returncode:
        lines = ran.stdout.decode(errors="replace").split("\n")
        said = " ".join(line.strip() for line in lines if line.strip())[-1000:]
        raise FairleadError(f"{argv[0]} failed: {said or ran.returncode}", " ".join(argv))


def _mounted_below(path: Path) -> str:
    """A mount point in a directory; "" for none (proc(5), mountinfo)."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    found = (line.split()[4] for line in lines)
    return next((point for point in found if Path(point).is_relative_to(path)), "")
