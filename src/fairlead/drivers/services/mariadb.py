"""MariaDB: one server for a round, a database for each check."""

import shutil
import socket
import subprocess
import urllib.parse
from pathlib import Path

from fairlead.base.errors import Unknown
from fairlead.checks.ports import Command
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

PACKAGE = "mariadb-server"
USER = "root"  # the server's, not the machine's
_INIT = 120.0
_MADE = "1"
_SOCKET = "mariadb.sock"
_QUICK = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--skip-log-bin",
)


class MariaDB:
    """The kind."""

    name = "mariadb"
    shared = True

    def version(self) -> str:
        """See ``Kind``."""
        return said_version(found("mariadbd", PACKAGE))

    def start(self, place: Place, label: str) -> "MariaDBServer":
        """See ``Kind``."""
        template = place.kept(f"mariadb-{self.version()}-{_MADE}", lambda new: _init(place, new))
        data, sockets = place.directory(label), place.sockets(f"{label}.s")
        shutil.copytree(template / "data", data / "data", symlinks=True)
        door = sockets / _SOCKET
        where = (f"--datadir={data / 'data'}", f"--socket={door}", f"--pid-file={data / 'pid'}")
        argv = (found("mariadbd", PACKAGE), "--no-defaults", *where, "--skip-networking", *_QUICK)
        process = Process(place.runner, self.name, serving(argv, data, sockets))
        try:
            process.wait(lambda: _greets(door))
        except BaseException:
            process.stop()
            raise
        return MariaDBServer(process, door)


class MariaDBServer:
    """See ``Server``."""

    def __init__(self, process: Process, door: Path) -> None:
        self._door = door
        self.ended, self.stop = process.ended, process.stop

    def share(self, label: str) -> Share:
        """A database of its own, with all rights in this server."""
        name = name_of(label)
        client = (found("mariadb", PACKAGE), "--no-defaults", f"--socket={self._door}", "-u", USER)
        sql = f"CREATE DATABASE {name} CHARACTER SET utf8mb4"
        ran = subprocess.run(
            [*client, "-e", sql], capture_output=True, check=False, env=ENVIRONMENT
        )
        if ran.returncode:
            said = " ".join(ran.stderr.decode(errors="replace").split())
            raise Unknown(f"no database for the check: {said}")
        where = urllib.parse.urlencode({"unix_socket": self._door})
        url = f"mysql://{USER}@localhost/{name}?{where}"
        return Share(self, {"MARIADB_URL": url, "DATABASE_URL": url}, str(self._door.parent))


def _init(place: Place, new: Path) -> None:
    last: list[str] = []
    quick = ("--auth-root-authentication-method=normal", "--skip-test-db", *_QUICK)
    program = found("mariadb-install-db", PACKAGE)
    argv = (program, "--no-defaults", f"--datadir={new / 'data'}", *quick)
    environment = {**ENVIRONMENT, "HOME": str(new), "TMPDIR": str(new)}
    command = Command(argv, str(new), environment, _INIT, writes=(str(new),), network=False)
    end = place.runner.run(command, last.append)
    if not end.well:
        said = " / ".join(last[-3:]) or end.detail
        raise Unknown(f"mariadb could not be prepared: {said}", "see what mariadb-install-db says")


def _greets(door: Path) -> bool:
    """It speaks first (mariadb.com/kb/en/connection)."""
    try:
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(1)
            there.connect(str(door))
            return bool(there.recv(1))
    except OSError:
        return False
