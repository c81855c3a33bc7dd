"""Which processes there are, by Linux's /proc (proc(5))."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.supervisor.launch import stat_fields

MARK_RUNTIME = b"FAIRLEAD_RUNTIME"
"""Whose process it is: the name of the home's run directory."""
MARK_PLACE = b"FAIRLEAD_PLACE"
MARK_COPY = b"FAIRLEAD_COPY"
MARK_TASK = b"FAIRLEAD_TASK"
MARK_SERVICE = b"FAIRLEAD_SERVICE"


class Found(NamedTuple):
    """One living process: its id, its parent, its process group."""

    pid: int
    parent: int
    group: int
    session: int


def alive() -> Iterator[Found]:
    """Every process of our user that has not ended."""
    me = os.getuid()
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit() and (found := _found(entry, me)):
                yield found


def _found(entry: "os.DirEntry[str]", user: int) -> Found | None:
    try:
        if entry.stat().st_uid != user:
            return None
    except OSError:
        return None
    return find(int(entry.name))


def find(pid: int) -> Found | None:
    """A process that has not ended, or None."""
    fields = stat_fields(pid)
    if not fields or fields[0] in "ZX":
        return None
    parent, group, session = map(int, fields[1:4])
    return Found(pid, parent, group, session)


def born(pid: int) -> str:
    """When a process started, in ticks since boot; "" when it is gone. Tells reuse of an id."""
    fields = stat_fields(pid)
    return fields[19] if fields and fields[0] not in "ZX" else ""


def marks(pid: int) -> Mapping[bytes, bytes]:
    """The Fairlead marks in a process's first environment; empty when it cannot be read."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (pair.partition(b"=") for pair in data.split(b"\0") if pair.startswith(b"FAIRLEAD_"))
    return {key: value for key, _, value in pairs}


def ancestors(pid: int) -> set[int]:
    """The process itself and all above it."""
    seen: set[int] = set()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        found = find(pid)
        pid = found.parent if found else 0
    return seen


def signal_all(pids: "list[int] | tuple[int, ...]", number: int) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
