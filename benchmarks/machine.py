"""What the figures were taken on, and small tools all benchmarks share."""

import json
import os
import platform
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Set where this runs in a container, it would make every program here compile itself at each
# start: figures would be of that, and not of what a user has.
_UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "DEBUG", "DATABASE_URL")


@dataclass(frozen=True)
class Ran:
    """A program that ended: its exit code, its seconds, and what it printed."""

    code: int
    seconds: float
    said: str


def environment(**more: str) -> dict[str, str]:
    """This process's environment, as a user's login would have it, and ``more``."""
    kept = {key: value for key, value in os.environ.items() if key not in _UNWANTED}
    return {**kept, **more}


def run(argv: Iterable[str | Path], cwd: Path, env: Mapping[str, str], limit: float = 120) -> Ran:
    """Run a program to its end. Raises subprocess.TimeoutExpired past ``limit`` seconds."""
    began = time.monotonic()
    ended = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=limit,
        check=False,
    )
    return Ran(ended.returncode, time.monotonic() - began, ended.stdout.decode(errors="replace"))


def must(ran: Ran) -> Ran:
    """The same, when it ended well. Raises RuntimeError with what it said."""
    if ran.code:
        raise RuntimeError(f"exit {ran.code}: {ran.said[-2000:]}")
    return ran


def machine() -> dict[str, Any]:
    """Of what kind it is; nothing that names it."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpus": os.cpu_count(),
        "memory_mb": pages // 2**20,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": [round(each, 2) for each in os.getloadavg()],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is removed, and every ``finally`` reached, also at SIGTERM and Ctrl-C.

    Hooks and agents that are started from here compile themselves, as they do for a user.
    """

    def end(*_: object) -> None:
        sys.exit(143)

    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores SIGINT
        signal.signal(number, end)
    for name in _UNWANTED:
        os.environ.pop(name, None)
    root = Path(tempfile.mkdtemp(prefix="fairlead-bench-"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def free_address() -> str:
    """A free address on this machine, picked at random: several benchmarks and tests may run
    side by side, and each of them would find the same lowest port free."""
    while True:
        port = secrets.choice(range(20_000, 30_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"


def median(values: Iterable[float], digits: int = 3) -> float:
    """The median, rounded; 0 of none."""
    found = list(values)
    return round(statistics.median(found), digits) if found else 0.0


def spread(values: Iterable[float], digits: int = 3) -> dict[str, float | int]:
    """Median, least and most, and of how many."""
    found = list(values)
    low, high = (min(found), max(found)) if found else (0.0, 0.0)
    return {
        "median": median(found, digits),
        "least": round(low, digits),
        "most": round(high, digits),
        "of": len(found),
    }


def note(text: str) -> None:
    """A line for whoever waits: on stderr, so that stdout stays data."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


def save(path: Path, result: Mapping[str, Any], text: str) -> None:
    """Keep a result as JSON, and its table beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    path.with_suffix(".md").write_text(f"```\n{text}\n```\n")
