"""What a task left behind: two files in a directory of its own, written by its unit.

    claim     created exclusively before the command begins: it was started
    outcome   how systemd saw it end, durable: it is over

The task's user can write there, so what is read is not trusted to be what it should.
"""

import os
import signal
from pathlib import Path

from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers.systemd.names import file_name
from fairlead.rollout.ports import TaskSeen, TaskState

PAST_LIMIT = 124
"""A task's exit code when its limit ended it (as timeout(1) does)."""


def directory(home: Home, place: Place, key: str) -> Path:
    """Where a task's claim and outcome stay. Durable: the same key never runs twice."""
    return home.root / "apps" / place.app / place.environment / "tasks" / file_name(key)


def outcome(directory: Path) -> TaskSeen | None:
    """How it ended; None while nothing says so."""
    found = read_small(directory / "outcome")
    code = _code(found[0]) if found else None
    return None if found is None or code is None else TaskSeen(TaskState.EXITED, code, found[1])


def claimed(directory: Path) -> float:
    """When it was started; 0 when it never was."""
    found = read_small(directory / "claim")
    return found[1] if found else 0.0


def _code(text: str) -> int | None:
    """``exit-code exited 3``: $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS of systemd.exec(5)."""
    fields = text.split()
    if len(fields) != 3:
        return None
    result, how, status = fields
    if result == "timeout":
        return PAST_LIMIT
    if how == "exited" and status.isdigit():
        return int(status)
    number = signal.__dict__.get(f"SIG{status}")
    return 128 + number if isinstance(number, int) else None


def read_small(path: Path) -> tuple[str, float] | None:
    """A small file's text and time; None when there is none that is a plain file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(file, "rb") as stream:
        return stream.read(200).decode("ascii", "replace"), os.fstat(file).st_mtime
