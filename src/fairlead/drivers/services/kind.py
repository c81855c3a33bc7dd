"""What each kind of service says of itself."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from fairlead.base.errors import Unknown
from fairlead.checks.ports import Command
from fairlead.drivers.services.place import Place
from fairlead.drivers.services.process import DAY, DISK, MEMORY, PROCESSES

SYSTEM = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(SYSTEM), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Server(Protocol):
    """One that runs."""

    def share(self, label: str) -> "Share":
        """Something new of it for one check. Raises Unknown."""
        ...

    def ended(self) -> str:
        """Why it runs no more, or ""."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


class Kind(Protocol):
    """A program that can be started. ``shared``: one server gives each check a part of it."""

    @property
    def name(self) -> str:
        """As the manifest has it."""
        ...

    @property
    def shared(self) -> bool:
        """See the class."""
        ...

    def version(self) -> str:
        """What would run. Raises Unknown when it is not here."""
        ...

    def start(self, place: Place, label: str) -> Server:
        """Start one, and wait until it answers. Raises Unknown."""
        ...


@dataclass(frozen=True)
class Share:
    """What a check gets: ``variables``, and the directory that its socket lies in; "" for a
    service that listens on the machine's loopback."""

    server: Server
    variables: Mapping[str, str]
    sockets: str = ""


def found(name: str, package: str, beside: tuple[str, ...] = ()) -> str:
    """The path of a service's program. Raises Unknown, which names Debian's package."""
    path = shutil.which(name, path=":".join((*beside, *SYSTEM)))
    if path is None:
        raise Unknown(f"{name} is not on this machine", f"apt install {package}")
    return path


def said_version(path: str) -> str:
    """The number in what a program says to --version, which it says once while the file is what
    it was: every check with services asks. Raises Unknown."""
    facts = os.stat(path)
    return _said_version(path, facts.st_mtime_ns, facts.st_size)


@cache
def _said_version(path: str, _changed: int, _size: int) -> str:
    ran = subprocess.run([path, "--version"], capture_output=True, check=False, env=ENVIRONMENT)
    number = re.search(rb"\d+(\.\d+)+", ran.stdout)
    if ran.returncode or number is None:
        raise Unknown(f"a program does not say its version: {path}", f"{path} --version")
    return number[0].decode()


def serving(
    argv: tuple[str, ...],
    *directories: Path,
    network: bool = False,
    more: Mapping[str, str] | None = None,
) -> Command:
    """The command of a service that writes to nothing but directories of its own."""
    first = str(directories[0])
    return Command(
        argv,
        first,
        {**ENVIRONMENT, "HOME": first, "TMPDIR": first, **(more or {})},
        DAY,
        writes=tuple(str(directory) for directory in directories),
        network=network,
        memory=MEMORY,
        processes=PROCESSES,
        disk=DISK,
    )


def name_of(label: str) -> str:
    """A database's name for a check: letters, digits and underscores, and short enough."""
    return "check_" + re.sub(r"[^a-z0-9]+", "_", label.lower())[-50:].strip("_")
