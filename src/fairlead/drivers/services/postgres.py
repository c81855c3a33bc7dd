"""PostgreSQL: one server for a round, a database for each check."""

import shutil
import urllib.parse
from pathlib import Path

from fairlead.base.errors import FairleadError, Unknown
from fairlead.checks.ports import Command
from fairlead.drivers._postgres import Client, plain_environment
from fairlead.drivers.services.kind import (
    ENVIRONMENT,
    Share,
    found,
    name_of,
    said_version,
    serving,
)
from fairlead.drivers.services.place import Place
from fairlead.drivers.services.process import Process

PACKAGE = "postgresql"
USER = "postgres"
DEBIAN = Path("/usr/lib/postgresql")
"""Debian keeps the programs of each version beside the others, not on PATH."""
_INIT = 120.0
_MADE = "2"  # another number, another template

# Its data is worth nothing after the check: nothing waits for the disk. A backend that is killed
# takes the server along, so that it is noticed. Its sockets are named, not its port.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "restart_after_crash": "off",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


class Postgres:
    """The kind."""

    name = "postgres"
    shared = True

    def version(self) -> str:
        """See ``Kind``."""
        return said_version(_program("postgres"))

    def start(self, place: Place, label: str) -> "PostgresServer":
        """See ``Kind``."""
        template = place.kept(f"postgres-{self.version()}-{_MADE}", lambda new: _init(place, new))
        data, sockets = place.directory(label), place.sockets(f"{label}.s")
        shutil.copytree(template / "data", data / "data", symlinks=True)
        settings = (f"--{key}={value}" for key, value in _SETTINGS.items())
        where = ("-D", str(data / "data"), "-k", str(sockets))
        process = Process(
            place.runner,
            self.name,
            serving((_program("postgres"), *where, *settings), data, sockets),
        )
        server = PostgresServer(process, sockets)
        try:
            process.wait(lambda: _ready(data / "data" / "postmaster.pid"))
        except BaseException:
            process.stop()
            raise
        return server


class PostgresServer:
    """See ``Server``."""

    def __init__(self, process: Process, sockets: Path) -> None:
        self._process = process
        self._sockets = sockets
        self.ended, self.stop = process.ended, process.stop

    def share(self, label: str) -> Share:
        """A database of its own, from the template, with all rights in this server."""
        name = name_of(label)
        at = {"PGHOST": str(self._sockets), "PGUSER": USER}
        try:
            admin = Client({**plain_environment(), **at, "PGDATABASE": "postgres"})
            admin.query(f"CREATE DATABASE {name} TEMPLATE template1;")
        except FairleadError as error:
            raise Unknown(f"no database for the check: {error.what}", error.hint) from None
        where = urllib.parse.urlencode({"host": self._sockets})
        url = f"postgresql://{USER}@/{name}?{where}"
        variables = {"DATABASE_URL": url, **at, "PGDATABASE": name}
        return Share(self, variables, str(self._sockets))


def _program(name: str) -> str:
    """Of the newest version that is here."""
    versions = (path for path in DEBIAN.glob("*/bin") if path.parent.name.isdigit())
    newest = sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    return found(name, PACKAGE, tuple(str(path) for path in newest))


def _init(place: Place, new: Path) -> None:
    """What initdb makes: 1 s, once for a version."""
    last: list[str] = []
    encoding = ("--encoding=UTF8", "--locale=C.UTF-8")
    quick = ("--no-sync", "--no-instructions", "--auth=trust", "--wal-segsize=1")
    argv = (_program("initdb"), "-D", str(new / "data"), "-U", USER, *encoding, *quick)
    environment = {**ENVIRONMENT, "HOME": str(new)}
    command = Command(argv, str(new), environment, _INIT, writes=(str(new),), network=False)
    end = place.runner.run(command, last.append)
    if not end.well:
        said = " / ".join(last[-3:]) or end.detail
        raise Unknown(f"postgres could not be prepared: {said}", "see what initdb says")


def _ready(pid: Path) -> bool:
    """The eighth line of the postmaster's file says so (src/include/utils/pidfile.h)."""
    try:
        lines = pid.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"
