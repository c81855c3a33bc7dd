"""A booted Debian to measure on: its network, its wheels, its memory. See docs/benchmarks.md."""

import ctypes
import hashlib
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.machine import environment, must, note, run

CLONE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CLONE / "tests"))

from host import root  # noqa: E402  the tests' own booted Debian
from host.machine import Machine, booted, ours  # noqa: E402

WHEELS = "/usr/local/share/wheels"
"""Where the host finds packages: it has no network. Below /usr, so that builds see it."""

OFFLINE = {"UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_FIND_LINKS": WHEELS}
PYTHON = "/usr/bin/python3"
UV = str(CLONE / ".venv/bin/uv")
NEXT = "0.2.0"
"""The version that is upgraded to: the same code by another number."""

_CLONE_NEWNET = 0x40000000
_TOOL = {"UV_SYSTEM_CERTS": "1"}


@contextmanager
def inside(machine: Machine) -> Iterator[None]:
    """This thread, and every process and thread it starts, in the host's network (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as here, open(f"/proc/{machine.leader}/ns/net") as there:
        _called(libc.setns(there.fileno(), _CLONE_NEWNET))
        try:
            yield
        finally:
            _called(libc.setns(here.fileno(), _CLONE_NEWNET))


def _called(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def host(disk: Path | None = None) -> Iterator[Machine]:
    """A host that is up, its sshd and nginx running, and this thread in its network.

    With ``disk`` what it writes lies there, and not in memory.
    """
    with booted(size=str(disk or "4G"), binds=ours()) as machine:
        machine.run("systemctl", "enable", "--now", "ssh", "nginx")
        with inside(machine):
            yield machine


def path(machine: Machine, name: str) -> Path:
    """A path of the host, as this machine reaches it."""
    return Path(f"/proc/{machine.leader}/root{name}")


@dataclass(frozen=True)
class Parcels:
    """What is brought to a host: wheels of the app, of Fairlead's own packages, and Fairlead
    itself as it is now, as its version and as the next one."""

    app: Path
    own: Path
    fairlead: Path
    next: Path

    @classmethod
    def gather(cls, scratch: Path) -> "Parcels":
        """Download what is not in the tests' cache yet, and build Fairlead's wheels."""
        app = _downloaded(CLONE / "examples/riverside/requirements.txt", "app")
        own = _downloaded(CLONE / "requirements/run.txt", "own")
        built = _built(scratch / "now", ""), _built(scratch / "next", NEXT)
        return cls(app, own, *built)

    def more(self, machine: Machine, wheels: Path) -> None:
        """Lay further wheels down on a host."""
        for source in wheels.iterdir():
            shutil.copyfile(source, path(machine, WHEELS) / source.name)

    def bring(self, machine: Machine, fairlead: bool) -> None:
        """Lay them down on a host."""
        target = path(machine, WHEELS)
        target.mkdir(parents=True, exist_ok=True)
        sources = [*self.app.iterdir()]
        if fairlead:
            sources += [*self.own.iterdir(), self.fairlead, self.next]
        for source in sources:
            shutil.copyfile(source, target / source.name)


def tool_venv(name: str, *packages: str) -> Path:
    """A virtual environment of this machine with packages from the registry, kept in the cache."""
    venv = root.CACHE / f"bench-{name}"
    if not (venv / "done").exists():
        env = environment(**_TOOL)
        python = ("--quiet", "--python", sys.executable)
        must(run([UV, "venv", "--clear", *python, venv], CLONE, env))
        argv = [UV, "pip", "install", "--quiet", "--python", str(venv / "bin/python"), *packages]
        must(run(argv, CLONE, env, 300))
        (venv / "done").touch()
    return venv


def wheels_of(name: str, packages: Sequence[str]) -> Path:
    """The newest wheels of packages and of what they need, for the host's Python; cached."""
    kept = root.CACHE / f"bench-{name}-wheels"
    if not kept.is_dir():
        fresh = kept.with_name(f".{kept.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        pip = tool_venv("pip", "pip") / "bin/python"
        wanted: list[str | Path] = ["--only-binary", ":all:", "--dest", fresh, *packages]
        must(run([pip, "-m", "pip", "download", "--quiet", *wanted], CLONE, environment(), 300))
        fresh.rename(kept)
    return kept


def _downloaded(lock: Path, name: str) -> Path:
    """The wheels of a lock for the host's Python, kept in the cache."""
    kept = root.CACHE / f"bench-{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not kept.is_dir():
        fresh = kept.with_name(f".{kept.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        pip = tool_venv("pip", "pip") / "bin/python"
        # The host's Python is another patch release: whom a lock's markers ask for may differ.
        pins = re.findall(r"(?m)^[\w.-]+==[^ ;\\]+", re.sub(r"\[[^]]*\]", "", lock.read_text()))
        wanted: list[str | Path] = ["--only-binary", ":all:", "--no-deps", "--dest", fresh, *pins]
        must(run([pip, "-m", "pip", "download", "--quiet", *wanted], CLONE, environment(), 300))
        fresh.rename(kept)
    return kept


def _built(place: Path, version: str) -> Path:
    """A wheel of the code as it is now; with ``version`` that number is put into it."""
    ignore = shutil.ignore_patterns("__pycache__", ".*", "staticfiles", "*.sqlite3*")
    place.mkdir(parents=True)
    for name in ("src", "examples", "requirements"):
        shutil.copytree(CLONE / name, place / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(CLONE / name, place / name)
    if version:
        file = place / "src/fairlead/__init__.py"
        old = file.read_text().partition('__version__ = "')[2].partition('"')[0]
        file.write_text(file.read_text().replace(f'"{old}"', f'"{version}"'))
    out = place / "dist"
    build = ["--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    must(run([UV, "build", *build, "--out-dir", out, place], place, environment(), 300))
    return next(out.glob("*.whl"))


@dataclass
class Load:
    """What the processes of ours held, in MB resident: at most, and by what."""

    ours: float = 0.0
    agent: float = 0.0
    hooks: float = 0.0
    builds: float = 0.0
    of: list[str] = field(default_factory=list)


class Memory:
    """Looks at a host's processes until it is left, and keeps the most it saw.

    Ours is whatever runs from /opt/fairlead but the proxy: the agent with what keeps its commands,
    and what a login over SSH starts (shell and hooks). What checks and builds run is the app's.
    """

    def __init__(self, machine: Machine, every: float = 0.05) -> None:
        self._groups = _groups(machine, "systemd")
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most = Load()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def look(self) -> Load:
        """What they hold now."""
        found = Load()
        for pid, group in _processes(self._groups):
            words, (parent, mb) = _words(pid), _facts(pid)
            if words == _words(parent):  # between fork and exec: its memory is its parent's
                continue
            kind = _kind(words, group)
            if kind:
                setattr(found, kind, getattr(found, kind) + mb)
            if kind in ("agent", "hooks"):
                found.ours += mb
                found.of.append(f"{mb:.0f} MB {' '.join(words[:6])[-90:]}")
        return found

    def _watch(self) -> None:
        while not self._ended.wait(self._every):
            now = self.look()
            if now.ours > self.most.ours:
                self.most.ours, self.most.of = now.ours, now.of
            for name in ("agent", "hooks", "builds"):
                setattr(self.most, name, max(getattr(self.most, name), getattr(now, name)))


def _kind(words: Sequence[str], group: str) -> str:
    """Whose a process is: agent, hooks, builds, or nobody's that counts here."""
    program, line = (words[0] if words else ""), " ".join(words)
    of_agent = "/fairlead-agent.service" in group
    if program.startswith("/opt/fairlead/") and not program.endswith(("/caddy", "/uv")):
        if of_agent:
            return "agent"
        return "" if "/fairlead-riverside" in group else "hooks"
    if of_agent and "keeper.py" in line:
        return "agent"
    return "builds" if of_agent and words else ""


def _groups(machine: Machine, hierarchy: str) -> Path:
    """The host's control group in a hierarchy, on either kind of control groups."""
    lines = Path(f"/proc/{machine.leader}/cgroup").read_text().splitlines()
    named = {line.split(":")[1].removeprefix("name="): line.split(":", 2)[2] for line in lines}
    top = Path("/sys/fs/cgroup")
    base = top if (top / "cgroup.controllers").exists() else top / hierarchy
    own = named.get(hierarchy, named.get("", "")).strip("/").partition("/")[0]
    return base / own


def _processes(groups: Path) -> Iterator[tuple[int, str]]:
    for listed in groups.rglob("cgroup.procs"):
        with suppress(OSError):
            for text in listed.read_text().split():
                yield int(text), str(listed.parent)


def _words(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    return []


def _facts(pid: int) -> tuple[int, float]:
    """The parent, and MB resident; zeros for one that is gone."""
    with suppress(OSError, KeyError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found = {line.split(":")[0]: line.split()[1] for line in lines if len(line.split()) > 1}
        return int(found["PPid"]), int(found["VmRSS"]) / 1024
    return 0, 0.0


class Limited:
    """A host that may use so many MB of memory and no swap, from now on."""

    def __init__(self, machine: Machine, mb: int) -> None:
        self._group = _groups(machine, "memory")
        self._new = (self._group / "memory.max").exists()
        self._put("memory.max" if self._new else "memory.limit_in_bytes", mb << 20)
        with suppress(OSError):  # without swap on the machine there may be nothing to limit
            more = 0 if self._new else mb << 20
            self._put("memory.swap.max" if self._new else "memory.memsw.limit_in_bytes", more)

    def told(self) -> dict[str, Any]:
        """What was used at most, page cache included, what of it cannot be given back now, and
        how many processes were ended for want of memory."""
        most = "memory.peak" if self._new else "memory.max_usage_in_bytes"
        stat = self._pairs("memory.stat")
        held = ("anon", "shmem") if self._new else ("total_rss", "total_shmem")
        kills = self._pairs("memory.events" if self._new else "memory.oom_control")
        return {
            "most_mb": self._mb(most),
            "held_mb": sum(stat.get(name, 0) for name in held) >> 20,
            "ended_for_want_of_memory": kills.get("oom_kill", 0),
        }

    def _put(self, name: str, value: int) -> None:
        (self._group / name).write_text(str(value))

    def _mb(self, name: str) -> int:
        with suppress(OSError):
            return int((self._group / name).read_text()) >> 20
        return 0

    def _pairs(self, name: str) -> dict[str, int]:
        lines = (self._group / name).read_text().splitlines()
        return {line.split()[0]: int(line.split()[1]) for line in lines if len(line.split()) == 2}


def ssh_key(directory: Path) -> Path:
    """A new key of somebody's."""
    directory.mkdir(parents=True, exist_ok=True)
    key = directory / "id"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", directory.name, "-f", str(key)]
    subprocess.run(argv, check=True)
    return key


def ssh(key: Path) -> list[str]:
    """ssh with that key only, to a host that was never seen before."""
    lax = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    only = ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
    return ["ssh", "-F", "none", "-i", str(key), *lax, *only]


__all__ = [
    "NEXT", "OFFLINE", "PYTHON", "UV", "WHEELS", "Limited", "Load", "Machine", "Memory", "Parcels",
    "host", "inside", "note", "path", "ssh", "ssh_key", "tool_venv",
    "wheels_of",
]  # fmt: skip
