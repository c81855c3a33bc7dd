"""A real Debian server for a test: systemd is its process 1, and it is gone after the test.

    with booted(binds=[...]) as machine:
        machine.run("systemctl", "start", "nginx")
        machine.reboot()

It has a network of its own with nothing but a loopback in it, so it may listen on any port.
Booting takes about half a second. What it writes lies in memory. It dies with the test's process,
also when that is killed (prctl(2), PR_SET_PDEATHSIG).
"""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from host import root
from needs import missing, needs

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT = 60.0  # seconds, for a command and for a boot
CLONE = Path(__file__).resolve().parents[2]
timed = pytest.mark.timeout(900)
"""For a module that boots: its first test may be the one that builds the root."""

_KEEPER = Path(__file__).with_name("keeper.sh")
_GROUPS = Path("/sys/fs/cgroup")
_MARK = "fairlead-test-"
_numbers = itertools.count(1)


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    exit: int
    stdout: str
    stderr: str


class Machine:
    """One booted server. Use ``booted``."""

    def __init__(self, size: str, binds: Sequence[Path], memory: int = 0) -> None:
        self._name = f"{_MARK}{os.getpid()}-{next(_numbers)}"
        self._groups = _make_groups(self._name)
        self._limited = bool(memory)
        if memory:
            _limit(self._groups, memory)
        self._console = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed by stop
        readable = [f"--bind-ro={path}" for path in binds]
        keeper = ["sh", str(_KEEPER), str(root.built()), size, *map(str, self._groups), "--"]
        # systemd-nspawn's death does not end what it booted; that of a process namespace does.
        apart = ("--mount", "--propagation=private", "--pid", "--mount-proc")
        unshared = ["unshare", *apart, "--fork", "--kill-child=KILL", *keeper]
        self._keeper = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *unshared, f"--machine={self._name}", *readable],
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
        )
        self.leader = 0

    def run(
        self,
        *argv: str,
        check: bool = True,
        input: str = "",  # noqa: A002  as subprocess calls it
        environment: Mapping[str, str] | None = None,
        limit: float = LIMIT,
    ) -> Ran:
        """Run a command in it as root. Fails the test on another exit than 0 if ``check``, and
        when it takes longer than ``limit`` seconds."""
        own = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **(environment or {})}
        pairs = [f"{key}={value}" for key, value in own.items()]
        # timeout runs inside: a command must not live on when only nsenter was killed.
        bounded = ["timeout", "--kill-after=1", str(limit), *argv]
        clean = ["env", "--ignore-environment", "--chdir=/", *pairs]
        entered = [
            *self._charged(),
            "nsenter",
            f"--target={self.leader}",
            "--all",
            *clean,
            *bounded,
        ]
        ran = subprocess.run(entered, input=input, capture_output=True, text=True)
        return _judged(argv, ran, check)

    def beside(self, *argv: str, check: bool = True, limit: float = LIMIT) -> Ran:
        """Run a program of this machine, in the server's network: the users' side of it."""
        entered = ["nsenter", f"--target={self.leader}", "--net", *argv]
        ran = subprocess.run(entered, capture_output=True, text=True, timeout=limit)
        return _judged(argv, ran, check)

    def _charged(self) -> list[str]:
        """What has a command's memory count as the server's, where that is limited."""
        if not self._limited:
            return []
        lines = Path(f"/proc/{self.leader}/cgroup").read_text().splitlines()
        kinds = dict(line.split(":", 2)[1:] for line in lines)
        where = _GROUPS / ("memory" if "memory" in kinds else "")
        group = where / (kinds.get("memory") or kinds[""]).lstrip("/")
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(group / "cgroup.procs")]

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file in it, its directories made."""
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self.run("sh", "-c", script, "sh", path, mode, input=text)

    def read(self, path: str) -> str:
        """A file of it."""
        return self.run("cat", path).stdout

    def boot(self) -> None:
        """Wait until it is up. Fails the test when that takes too long."""
        old, deadline = self.leader, time.monotonic() + LIMIT
        state = ""
        while state not in ("running", "degraded"):
            if self._keeper.poll() is not None:
                pytest.fail(f"the server did not boot: {self._said()}", pytrace=False)
            if time.monotonic() > deadline:
                pytest.fail(f"the server was not up after {LIMIT:.0f} s: {state}", pytrace=False)
            leader = _leader(self._keeper.pid)
            if leader and leader != old:
                self.leader = leader
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            time.sleep(0.02)

    def reboot(self) -> None:
        """Shut it down in order and boot it again; what it wrote is kept, but for /run."""
        self.run("systemctl", "reboot", "--no-block", check=False)
        self.boot()

    def cut(self) -> None:
        """Take its power away and boot it again: nothing in it is asked to end."""
        (keeper,) = _children(self._keeper.pid)
        os.kill(keeper, signal.SIGUSR1)  # so that it takes this for no failure
        os.kill(self.leader, signal.SIGKILL)
        self.boot()

    def memory_peak(self) -> int:
        """The most bytes of memory that it used at once, what it wrote among them. While that is
        less than it may have, nothing of it can have been ended for want of memory."""
        return int(_first(self._groups, "memory.peak", "memory.max_usage_in_bytes"))

    def stop(self) -> None:
        """End it, whatever it does. Nothing is left of it."""
        self._keeper.kill()
        self._keeper.wait()
        self._console.close()
        _remove_groups(self._groups)

    def _said(self) -> str:
        self._console.seek(0)
        return self._console.read()[-2000:]


@contextmanager
def booted(size: str = "1G", binds: Sequence[Path] = (), memory: int = 0) -> Iterator[Machine]:
    """A server that is up. ``size`` bounds what it may write; ``binds`` are paths of this machine
    that it finds at the same place, read-only. ``memory`` is how many bytes of memory it has, none
    of it swapped out (0: as many as this machine); what it writes takes of it.

    Skips the test (or fails it, see ``needs``) where none can be booted.
    """
    if os.geteuid() != 0:
        missing("not root: `sudo make test` would boot a real server and try it there")
    needs("systemd-nspawn", package="systemd-container", adds="boot a real server")
    needs("debootstrap", package="debootstrap", adds="build a real server's file system")
    machine = Machine(size, binds, memory)
    try:
        machine.boot()
        yield machine
    finally:
        machine.stop()


def ours() -> tuple[Path, ...]:
    """What a server needs to run this clone's code with this very Python: for ``binds``.

    Skips the test where that Python cannot run on the server (it is another Debian's own).
    """
    base = Path(sys.base_prefix).resolve()
    if base in (Path("/usr"), Path("/usr/local")):
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if not (root.built() / "usr/bin" / name).exists():
            missing(f"this Python ({name}) is not {root.SUITE}'s: a server cannot run our code")
        return (CLONE,)
    return (CLONE, base)


def _judged(argv: Sequence[str], ran: "subprocess.CompletedProcess[str]", check: bool) -> Ran:
    if check and ran.returncode:
        said = f"{ran.stdout[-2000:]}{ran.stderr[-2000:]}"
        pytest.fail(f"exit {ran.returncode} on the server: {' '.join(argv)}\n{said}")
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def _make_groups(name: str) -> list[Path]:
    """A control group of its own in each hierarchy that matters. What killed tests left goes."""
    hierarchies = [_GROUPS / kind for kind in ("systemd", "unified", "memory", "pids")]
    if (_GROUPS / "cgroup.controllers").exists():
        hierarchies = [_GROUPS]
    made = []
    for hierarchy in filter(Path.is_dir, hierarchies):
        _remove_groups([old for old in hierarchy.glob(f"{_MARK}*") if not _owned(old)])
        (hierarchy / name).mkdir()
        made.append(hierarchy / name)
    return made


def _limit(groups: Sequence[Path], memory: int) -> None:
    """Of both kinds of control groups: the older one counts swap as memory, and together."""
    limits = {
        "memory.max": memory,
        "memory.swap.max": 0,
        "memory.limit_in_bytes": memory,
        "memory.memsw.limit_in_bytes": memory,
    }
    files = {group / name: limit for name, limit in limits.items() for group in groups}
    held = [file for file in files if file.exists()]
    assert held, "no control group limits memory here"
    for file in held:
        file.write_text(str(files[file]))


def _first(groups: Sequence[Path], *names: str) -> str:
    """What the first of these files holds that is there."""
    return next(f.read_text() for name in names for g in groups if (f := g / name).exists())


def _owned(group: Path) -> bool:
    """Whether the test that made it still lives."""
    return Path(f"/proc/{group.name.removeprefix(_MARK).partition('-')[0]}").exists()


def _remove_groups(groups: Sequence[Path]) -> None:
    """Remove control groups from the leaves up, once the last process in them has ended."""
    deadline = time.monotonic() + LIMIT
    for group in groups:
        while group.exists():
            try:
                for directory, _, _ in os.walk(group, topdown=False):
                    os.rmdir(directory)
            except OSError:
                assert time.monotonic() < deadline, f"processes that do not end: {group}"
                time.sleep(0.01)


def _leader(keeper: int) -> int:
    """The process id, here, of the server's process 1; 0 when there is none yet."""
    below = [keeper]
    while below:
        pid = below.pop()
        # One namespace down is the keeper's own, two down the server's.
        if _ids(pid)[1 + len(_ids(os.getpid())) :] == ["1"]:
            return pid
        below += _children(pid)
    return 0


def _children(pid: int) -> list[int]:
    try:
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _ids(pid: int) -> list[str]:
    """A process's ids, in our process namespace and in each one below (proc(5), NSpid)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return []
    return next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
