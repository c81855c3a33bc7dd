"""The nginx that runs on the machine: asked, tested and told to read its files again.

It is nobody's child of ours. What it runs is read from the kernel: the master from its pid
file, its workers from proc(5), and which configuration a worker runs from the files that it
has open. A reload (SIGHUP, nginx.org/en/docs/control.html) is answered by nobody. The master
reads its files, starts new workers, waits 100 ms and only then tells the old ones to quit, so
both take requests for a while; when it could not read or bind, nothing happens at all.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairlead.base.errors import FairleadError, Refused, Unknown
from fairlead.drivers.nginx.render import RUNNING

TEST_LIMIT = 30.0  # seconds for `nginx -T`
RELOAD_LIMIT = 15.0  # seconds until all workers run what they were told to
LOOK_EVERY = 0.005  # seconds
GAVE_UP = "still could not bind()"  # what the master logs after five tries of half a second
HINT = "systemctl status nginx says whether it runs"
NET = Path("/proc/net")
TCP_LISTEN = "0A"  # linux/tcp_states.h
_EMERG = re.compile(r"\[emerg\] (?:\d+#\d+: )?(.*)")
_CONFLICT = re.compile(r'\[warn\] (?:\d+#\d+: )?conflicting server name "(.*)" on (\S+), ignored')


@dataclass(frozen=True)
class Installed:
    """Where one nginx and its parts lie. ``pid`` is the file it writes its process id to."""

    binary: Path = Path("/usr/sbin/nginx")
    configuration: Path = Path("/etc/nginx/nginx.conf")
    include: Path = Path("/etc/nginx/conf.d")
    pid: Path = Path("/run/nginx.pid")
    prefix: Path | None = None

    def argv(self, *more: str) -> list[str]:
        """The command, for this configuration."""
        prefix = ["-p", str(self.prefix)] if self.prefix else []
        return [str(self.binary), *prefix, "-c", str(self.configuration), *more]


@dataclass(frozen=True)
class Tested:
    """A configuration that nginx would take: all of it as text, and the names, each with an
    address, that two servers claim, of which nginx would leave one out."""

    dump: str
    claimed_twice: tuple[tuple[str, str], ...]


class Program:
    """One nginx."""

    def __init__(self, installed: Installed) -> None:
        self._installed = installed

    def master(self) -> int:
        """Its process id. Raises Unknown when it does not run."""
        path = self._installed.pid
        try:
            pid = int(path.read_text())
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError) as error:
            raise Unknown(f"nginx does not answer: {path}: {error}", HINT) from error
        if name != "nginx":
            raise Unknown(f"nginx does not answer: {path} names another program, {name}", HINT)
        return pid

    def tested(self) -> Tested:
        """What its files hold, when it would take that. Raises Refused with nginx's own line."""
        try:
            done = subprocess.run(
                self._installed.argv("-T"), capture_output=True, timeout=TEST_LIMIT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unknown(f"nginx could not be asked: {error}", HINT) from error
        said = done.stderr.decode(errors="replace")
        if done.returncode:
            raise Refused(_line(_EMERG, said) or said.strip()[-500:] or "nginx said nothing")
        return Tested(done.stdout.decode(errors="replace"), tuple(_CONFLICT.findall(said)))

    def runs(self, mark: str, directory: str) -> bool:
        """Whether every worker that was not told to quit has ``mark`` open, and no other mark of
        ``directory``; "" for none at all."""
        wanted = {mark} if mark else set()
        seen = [_marks(pid, directory) for pid in _children(self.master()) if _works(pid)]
        return bool(seen) and all(marks == wanted for marks in seen)

    def leaving(self) -> int:
        """Workers that were told to quit and still have a connection."""
        return sum(not _works(pid) for pid in _children(self.master()))

    def reload(self, mark: str, directory: str) -> None:
        """Have it read its files again. Returns when it takes connections by these alone.

        Raises FairleadError when it did not come to that, with what nginx logged.
        """
        master = self.master()
        before = set(_children(master))
        log = _Tail(self._error_log(master))
        os.kill(master, signal.SIGHUP)
        deadline = time.monotonic() + RELOAD_LIMIT
        while not self.runs(mark, directory) or _takes_connections(before):
            said = [str(line) for line in _EMERG.findall(log.new())]
            if GAVE_UP in said or time.monotonic() > deadline:
                reason = next((line for line in said if line != GAVE_UP), "it logged nothing")
                raise FairleadError(
                    f"nginx did not take its new configuration: {reason}",
                    "nginx -t, and its error log, say more; what it served before it serves on",
                )
            time.sleep(LOOK_EVERY)

    def ports(self) -> frozenset[int]:
        """The TCP ports it listens on now."""
        own = set(_links(self.master()))
        return frozenset(port for inode, port in _listening() if inode in own)

    def _error_log(self, master: int) -> Path | None:
        """What the master writes its errors to: its standard error, where it is a file."""
        with contextlib.suppress(OSError):
            path = Path(os.readlink(f"/proc/{master}/fd/2"))
            return path if path.is_file() else None
        return None


class _Tail:
    """What is written to a log from now on."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._from = path.stat().st_size if path else 0

    def new(self) -> str:
        if self._path is None:
            return ""
        with self._path.open("rb") as file:
            file.seek(self._from)
            return file.read(1_000_000).decode(errors="replace")


def _line(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.findall(text)
    return str(found[-1]).strip() if found else ""


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError as error:
        raise Unknown(f"nginx's workers cannot be seen: {error}", HINT) from error


def _links(pid: int) -> Iterator[str]:
    """What a process has open, by name; what was removed keeps its name."""
    try:
        found = os.listdir(f"/proc/{pid}/fd")
    except FileNotFoundError:  # it ended
        return
    except OSError as error:
        raise Unknown(f"nginx's process {pid} cannot be seen into: {error}", HINT) from error
    for name in found:
        with contextlib.suppress(OSError):
            yield os.readlink(f"/proc/{pid}/fd/{name}").removesuffix(" (deleted)")


def _marks(pid: int, directory: str) -> set[str]:
    return {link for link in _links(pid) if link.startswith(f"{directory}/{RUNNING}")}


def _works(pid: int) -> bool:
    """Whether it is a worker that was not told to quit; nginx says so in its title."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended
        return False
    return b"worker process" in title and b"shutting down" not in title


def _takes_connections(pids: Collection[int]) -> bool:
    """Whether one of the processes still listens: its title changes just before it stops."""
    sockets = {inode for inode, _ in _listening()}
    left = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    return any(not sockets.isdisjoint(_links(pid)) for pid in left)


def _listening() -> Iterator[tuple[str, int]]:
    """Each listening TCP socket, as /proc/PID/fd names it, and its port."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for fields in map(str.split, (NET / name).read_text().splitlines()[1:]):
                if fields[3] == TCP_LISTEN:
                    yield f"socket:[{fields[9]}]", int(fields[1].rpartition(":")[2], 16)


def foreign(line: str, ours: Sequence[str]) -> str:
    """The file and line that nginx names, when it is none of ours; "" otherwise."""
    found = re.search(r" in (/.*):(\d+)$", line)
    return f"{found[1]}:{found[2]}" if found and found[1] not in ours else ""
