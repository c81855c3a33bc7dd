"""Fairlead on a booted host, driven as people do: git push and words over SSH."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clone import Clone
from benchmarks.machine import Ran, environment, must, run
from benchmarks.ours import Went, switches, timeline
from benchmarks.server_host import (
    NEXT,
    OFFLINE,
    PYTHON,
    UV,
    WHEELS,
    Machine,
    Parcels,
    path,
    ssh,
    ssh_key,
)
from benchmarks.users import Watcher, await_build
from fairlead.demo.scene import example
from fairlead.record.chain import entry_of
from fairlead.record.model import Entry
from fairlead.record.ports import Row

PLACE = "riverside/production"
LISTEN = "127.0.0.1:8080"
LIMIT = 120.0
STOP_LIMIT = 25
"""Seconds an old web copy gets to end: more than the 20 s request takes."""

FAIRLEAD = "/usr/local/bin/fairlead"
FROM = "/root/fairlead"
"""The environment that ``server install`` is said from."""

DROP_IN = "/etc/systemd/system/fairlead-agent.service.d/wheels.conf"


# Said on the host by its own Python.
_OPEN = (
    "import json, os, sqlite3, subprocess, sys, time; "
    "db = sqlite3.connect('/var/lib/fairlead/record.sqlite', timeout=30)"
)
_HEAD = "print(db.execute('SELECT max(seq) FROM entries').fetchone()[0])"
_ROWS = (
    "rows = db.execute('SELECT seq, at, hex(previous), hex(hash), hex(body) FROM entries "
    "WHERE seq > ? ORDER BY seq', (int(sys.argv[1]),)).fetchall(); print(json.dumps(rows))"
)
_KILLS = """
since, end, killed = int(sys.argv[1]), time.monotonic() + 30, 0
pid = ["systemctl", "show", "--property=MainPID", "--value", "fairlead-agent"]
for point in map(int, sys.argv[2:]):
    while (db.execute("SELECT max(seq) FROM entries").fetchone()[0] < since + point
           and time.monotonic() < end):
        time.sleep(0.002)
    agent = int(subprocess.run(pid, capture_output=True, check=True).stdout)
    if agent and time.monotonic() < end:
        os.kill(agent, 9)
        killed += 1
print(killed)
"""


@dataclass(frozen=True)
class ServerClone(Clone):
    """A person's clone, with an environment of a server."""

    def lay(self) -> None:
        """Lay out the example and commit it, with build 0."""
        ignore = shutil.ignore_patterns("__pycache__", ".*_cache", "staticfiles", "*.sqlite3*")
        shutil.copytree(example(), self.clone, ignore=ignore)
        manifest = self.clone / "fairlead.toml"
        head = f'[environment.production]\nlisten = "{LISTEN}"\n'
        text = manifest.read_text().replace("[environment.local]\n", head, 1)
        text = text.replace("[environment.local.settings]", "[environment.production.settings]")
        manifest.write_text(text.replace('stop_limit = "35s"', f'stop_limit = "{STOP_LIMIT}s"', 1))
        self.copies(1)
        self.git("init", "--quiet", "--initial-branch=main")
        self.build(0)

    def copies(self, number: int) -> None:
        """Ask for so many copies of the web role, as part of the next commit."""
        manifest = self.clone / "fairlead.toml"
        text = re.sub(r"(?m)^copies = .*$", f"copies = {number}", manifest.read_text())
        manifest.write_text(text)


class ServerFairlead:
    """Fairlead on one host, and the clone that is pushed to it."""

    def __init__(self, machine: Machine, clone: ServerClone, proxy: str) -> None:
        self.machine, self.clone, self.proxy = machine, clone, proxy
        self.address = LISTEN
        self._key = ssh_key(clone.root / "ada")
        command = " ".join(ssh(self._key))
        self._env = environment(GIT_SSH_COMMAND=command, GIT_CONFIG_GLOBAL=os.devnull)
        self._builds: dict[int, int] = {}

    def install(self, parcels: Parcels) -> dict[str, float]:
        """From an installed Debian to the first release: seconds of each step."""
        parcels.bring(self.machine, fairlead=True)
        variables = "".join(f"Environment={key}={value}\n" for key, value in OFFLINE.items())
        self.machine.write(DROP_IN, f"[Service]\n{variables}")
        took: dict[str, float] = {}
        self._step(took, "fairlead from its wheel", self._program)
        self._step(took, "server install", self._install)
        self._step(took, "key add", self._allow)
        self._step(took, "first push", self._first)
        return {**took, "all": round(sum(took.values()), 2)}

    def _step(self, took: dict[str, float], name: str, do: Callable[[], object]) -> None:
        began = time.monotonic()
        do()
        took[name] = round(time.monotonic() - began, 2)

    def _program(self) -> None:
        self.machine.run(PYTHON, "-m", "venv", "--without-pip", FROM)
        argv = ("pip", "install", "--quiet", "--python", f"{FROM}/bin/python", "fairlead<0.2")
        self.machine.run(UV, *argv, environment=OFFLINE, limit=LIMIT)

    def _install(self) -> None:
        argv = ("server", "install", "--proxy", self.proxy, "--json")
        self.machine.run(f"{FROM}/bin/fairlead", *argv, limit=LIMIT)

    def _allow(self) -> None:
        argv = ("server", "key", "add", "ada", "--right", "push:*", "--right", "admin")
        self.machine.run(FAIRLEAD, *argv, input=self._key.with_suffix(".pub").read_text())

    def _first(self) -> None:
        must(self._push())
        await_build(self.address, 0, LIMIT)
        self._builds[0] = self._number()

    def _head(self) -> int:
        """The number of the record's newest entry."""
        return int(self.machine.run(PYTHON, "-c", f"{_OPEN}; {_HEAD}").stdout)

    def _since(self, seq: int) -> list[Entry]:
        """The entries after that one. Asked on the host: SQLite finds no file by way of /proc."""
        rows = json.loads(self.machine.run(PYTHON, "-c", f"{_OPEN}; {_ROWS}", str(seq)).stdout)
        found = []
        for number, at, *hexed in rows:
            found.append(entry_of(Row(number, at, *(bytes.fromhex(text) for text in hexed))))
        return found

    def push(self, build: int, strategy: str, what: str = "code only") -> Went:
        """``git push`` of the clone's head, which is that build."""
        went = self._timed(what, strategy, build, self._push)
        self._builds[build] = self._number()
        return went

    def back(self, build: int, strategy: str, what: str) -> Went:
        """``ssh fairlead@server rollback`` to the release of a build."""
        words = ("rollback", PLACE, "--to", str(self._builds[build]), "--why", "measured")
        return self._timed(what, strategy, build, lambda: self.says(*words), 0.004)

    def refused(self, what: str) -> Went:
        """A push of a head that must not come to serve."""
        since, begin = self._head(), time.time()
        ran = self._push()
        end = time.time()
        said = [line for line in ran.said.splitlines() if "returned" in line] or [""]
        return Went(what, "", begin, 0.0, end, ran.code, switches(self._since(since)), said=said[0])

    def says(self, *words: str) -> Ran:
        """``ssh fairlead@server …``."""
        argv = [*ssh(self._key), "-T", "fairlead@127.0.0.1", *words]
        return run(argv, self.clone.clone, self._env, LIMIT)

    def _push(self) -> Ran:
        argv = ["git", "push", "fairlead@127.0.0.1:riverside.git", "HEAD:main"]
        return run(argv, self.clone.clone, self._env, LIMIT)

    def _timed(
        self, what: str, strategy: str, build: int, do: Callable[[], Ran], every: float = 0.01
    ) -> Went:
        since = self._head()
        with Watcher(self.address, build, every) as watcher:
            begin = time.time()
            ran = must(do())
            end = time.time()
            serving = watcher.wait(60.0)
        if not serving:
            raise RuntimeError(f"{what}: build {build} never answered: {ran.said[-2000:]}")
        found = self._since(since)
        parts = timeline(found, begin, serving)
        return Went(what, strategy, begin, serving, end, ran.code, switches(found), parts)

    def _number(self) -> int:
        """The release that serves, by the app's own word; asked again while it is too busy."""
        retry = ["--retry", "20", "--retry-delay", "1"]
        argv = ["curl", "-fsS", *retry, f"http://{self.address}/api/version"]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        return int(json.loads(said)["release"])

    def settle(self, releases: int = 1, limit: float = 45.0) -> None:
        """Wait until web copies of at most that many releases are left; no longer than that."""
        deadline = time.monotonic() + limit
        while len(self._releases()) > releases and time.monotonic() < deadline:
            time.sleep(0.2)

    def _releases(self) -> set[str]:
        listed = self.machine.run(
            "systemctl", "list-units", "--plain", "--no-legend", "--state=active,deactivating",
            "fairlead-riverside.production.web.*.service",
        ).stdout  # fmt: skip
        return {line.split(".")[3] for line in listed.splitlines() if line.strip()}

    def kills(self, points: range) -> "subprocess.Popen[str]":
        """kill -9 of the agent right after each of these entries of what comes now; a process
        whose last line says how many there were."""
        words = [str(self._head()), *(str(point) for point in points)]
        entered = ["nsenter", f"--target={self.machine.leader}", "--all", PYTHON, "-c"]
        argv = [*entered, f"{_OPEN}\n{_KILLS}", *words]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def upgrade(self) -> tuple[float, float]:
        """To the next version and back: seconds of each."""
        wheel = next(path(self.machine, WHEELS).glob(f"fairlead-{NEXT}-*.whl")).name
        took = []
        for words in (("--wheel", f"{WHEELS}/{wheel}"), ("--undo",)):
            began = time.monotonic()
            argv = (FAIRLEAD, "server", "upgrade", *words, "--json")
            self.machine.run(*argv, environment=OFFLINE, limit=LIMIT)
            took.append(round(time.monotonic() - began, 2))
        return took[0], took[1]


def first_lines(clone: Path, machine: Machine, target: str) -> None:
    """Copy a tree onto a host."""
    shutil.copytree(clone, path(machine, target), ignore=shutil.ignore_patterns(".git"))


def floor(machine: Machine, clone: Path, times: int) -> dict[str, Any]:
    """The app's own floor on the host, by hand (benchmarks.floor), with the Python it is served by."""
    first_lines(clone, machine, "/srv/floor-tree")
    program = (
        "import json, sys, pathlib as p; from benchmarks.floor import ByHand, measured; "
        "hand = ByHand.lay(p.Path('/srv/floor-tree'), p.Path('/srv/floor')); "
        f"print(json.dumps(dict(measured(hand, {times}))))"
    )
    root = Path(__file__).resolve().parents[1]
    variables = {**OFFLINE, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    variables["PATH"] = f"{Path(UV).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    ran = machine.run(PYTHON, "-c", program, environment=variables, limit=300)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
