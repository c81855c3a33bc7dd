"""Keeping log files small. A copy's output is appended by a descriptor that nobody can replace,
so the file is copied away and emptied in place."""

import os
import shutil
from pathlib import Path

BYTES = 10_000_000
KEPT = 3


def rotate(log: Path) -> None:
    """Begin the log anew once it has more than BYTES; the last KEPT ones stay beside it.

    A line that is printed between the last look and the emptying, microseconds later, is lost.
    """
    try:
        if log.stat().st_size <= BYTES:
            return
    except OSError:
        return
    for number in range(KEPT, 1, -1):
        older = log.with_name(f"{log.name}.{number - 1}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number}"))
    with log.open("r+b") as source, log.with_name(f"{log.name}.1").open("wb") as target:
        while source.tell() < os.fstat(source.fileno()).st_size:
            shutil.copyfileobj(source, target)
        source.truncate(0)
