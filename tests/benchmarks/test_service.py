"""The service manager that peers are measured with does what systemd does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SERVICE = Path(__file__).resolve().parents[2] / "benchmarks" / "peers" / "service.py"


@contextmanager
def kept(directory: Path, script: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, str(SERVICE), "run", str(directory), "--", "sh", "-c", script]
    with subprocess.Popen(argv) as manager:
        try:
            until((directory / "pid").exists)
            yield manager
        finally:
            manager.send_signal(signal.SIGTERM)
            manager.wait(10)


def until(well: Callable[[], bool], limit: float = 10.0) -> None:
    deadline = time.monotonic() + limit
    while not well():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_restart_ends_the_old_process_before_it_starts_the_new_one(tmp_path: Path) -> None:
    """There is a moment in which nothing serves: that is what the benchmark shows."""
    pids = tmp_path / "pids"
    with kept(tmp_path, f"echo $$ >> {pids}; exec sleep 60"):
        until(lambda: len(lines(pids)) == 1)
        old = int(lines(pids)[0])
        asked = subprocess.run([sys.executable, str(SERVICE), "restart", str(tmp_path)])
        assert asked.returncode == 0
        assert not alive(old)
        until(lambda: len(lines(pids)) == 2)
    assert not alive(int(lines(pids)[1]))


def test_a_crash_is_tried_again_five_times_and_no_more(tmp_path: Path) -> None:
    """systemd's StartLimitBurst; and the restart that began it said nothing of it."""
    starts = tmp_path / "starts"
    with kept(tmp_path, f"echo x >> {starts}; exit 1"):
        until(lambda: len(lines(starts)) == 5)
        time.sleep(0.3)  # three times the pause between two tries
        assert len(lines(starts)) == 5
        asked = subprocess.run([sys.executable, str(SERVICE), "restart", str(tmp_path)])
        assert asked.returncode == 0
        until(lambda: len(lines(starts)) == 10)
