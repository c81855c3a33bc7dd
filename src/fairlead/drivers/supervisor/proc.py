"""Which processes there are, by Linux's /proc (proc(5))."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from fairlead.drivers import _proc

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


def ours() -> Iterator[int]:
    """Every process of our user, and what is left of those that have ended."""
    me = os.getuid()
    with os.scandir("/proc") as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.name.isdigit() and entry.stat().st_uid == me:
                    yield int(entry.name)


def lines(pids: Iterable[int]) -> dict[int, Found]:
    """These processes and all that they descend from, without those that have ended."""
    table: dict[int, Found] = {}
    for pid in pids:
        at = pid
        while at and at not in table and (found := find(at)):
            table[at] = found
            at = found.parent
    return table


def find(pid: int) -> Found | None:
    """A process that has not ended, or None."""
    fields = _proc.fields(pid)
    if not fields:
        return None
    parent, group, session = map(int, fields[1:4])
    return Found(pid, parent, group, session)


def marks(pid: int) -> Mapping[bytes, bytes]:
    """The Fairlead marks in a process's first environment; empty when it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            data = file.read()
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
