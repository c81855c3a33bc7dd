"""The app's own floor: what its checks, assets, migration check and start take by hand."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import environment, median, must, run

STEPS = ("checks", "collectstatic", "migrate_check", "start")


@dataclass(frozen=True)
class ByHand:
    """The app's tree with its own environment of locked packages, and a database of its own."""

    tree: Path
    venv: Path
    root: Path

    @classmethod
    def lay(cls, clone: Path, root: Path) -> "ByHand":
        """Copy the clone's files, install its lock once, migrate once."""
        root.mkdir()
        made = cls(root / "tree", root / "venv", root)
        shutil.copytree(clone, made.tree, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        install(made.venv, clone / "requirements.txt", root)
        for words in (("migrate", "--noinput", "-v0"), ("collectstatic", "--noinput", "-v0")):
            must(made.manage(*words))
        return made

    def variables(self) -> dict[str, str]:
        """The app's settings, as a shell on the server has them."""
        return variables(self.venv, self.root / "app.sqlite3")

    def manage(self, *words: str) -> Any:
        """``python manage.py …`` in the tree."""
        return run([self.venv / "bin/python", "manage.py", *words], self.tree, self.variables())

    def once(self) -> dict[str, float]:
        """Seconds of each step, one after another, and of all."""
        took = {
            "checks": must(self.manage("test")).seconds,
            "collectstatic": must(self.manage("collectstatic", "--noinput", "-v0")).seconds,
            "migrate_check": must(self.manage("migrate", "--check")).seconds,
            "start": self._start(),
        }
        return {**took, "all": sum(took.values())}

    def _start(self) -> float:
        """From starting the server to its first healthy answer."""
        path = self.root / "app.sock"
        path.unlink(missing_ok=True)
        program = str(self.venv / "bin/uvicorn")
        argv = [program, "riverside.asgi:application", "--uds", str(path)]
        argv += ["--loop", "asyncio", "--http", "httptools", "--ws", "wsproto"]
        began = time.monotonic()
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            argv, cwd=self.tree, env=self.variables(), stdout=quiet, stderr=quiet
        ) as server:
            try:
                while not healthy(path):
                    if server.poll() is not None or time.monotonic() - began > 60:
                        raise RuntimeError("the app does not start by hand")
                    time.sleep(0.004)
                return time.monotonic() - began
            finally:
                server.send_signal(signal.SIGTERM)


def variables(venv: Path, database: Path) -> dict[str, str]:
    """The environment the app runs with by hand."""
    path = f"{venv / 'bin'}:{os.environ['PATH']}"
    return environment(PATH=path, DATABASE_URL=f"sqlite:///{database}")


def install(venv: Path, lock: Path, cwd: Path) -> None:
    """An environment of the locked packages, compiled."""
    env = environment()
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "uv"
    must(run([uv, "venv", "--quiet", "--python", sys.executable, venv], cwd, env))
    python = str(venv / "bin/python")
    sync = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--python", python]
    must(run([*sync, str(lock)], cwd, env, 300))


def healthy(path: Path) -> bool:
    """Whether the server at a unix socket answers its health path with 200."""
    line = http.client.HTTPConnection("localhost", timeout=5)
    line.sock = socket.socket(socket.AF_UNIX)
    try:
        line.sock.connect(str(path))
        line.request("GET", "/healthz")
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def measured(hand: ByHand, times: int) -> Mapping[str, float]:
    """The median seconds of each step."""
    hand.once()  # compiles
    found = [hand.once() for _ in range(times)]
    return {step: median(each[step] for each in found) for step in (*STEPS, "all")}
