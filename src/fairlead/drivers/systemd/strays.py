"""Processes of a place that no unit accounts for, by Linux's /proc (proc(5), cgroups(7))."""

import os
from collections.abc import Iterator, Set
from pathlib import Path

from fairlead.base.ids import Place
from fairlead.drivers._proc import born
from fairlead.drivers.systemd import names, places


def strays(place: Place, units: Set[str]) -> tuple[int, ...]:
    """Living processes in the place's slice, or of its user, that are in none of ``units``."""
    owner, within = places.user(place), f"/{names.slice_of(place)}/"
    user = owner.pw_uid if owner else -1
    found = []
    for pid, uid in _processes():
        _, inside, unit = _group(pid).partition(within)
        ours = bool(inside) or uid == user
        if ours and unit.partition("/")[0] not in units and born(pid):
            found.append(pid)
    return tuple(sorted(found))


def _processes() -> Iterator[tuple[int, int]]:
    """Process ids, each with its effective user."""
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                try:
                    yield int(entry.name), entry.stat().st_uid
                except OSError:
                    continue


def _group(pid: int) -> str:
    """The control group that systemd put a process in; "" when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return ""
    kinds = [line.split(":", 2)[1:] for line in lines]
    # On the older kind of control groups systemd has a hierarchy of its own.
    return next((path for kind, path in kinds if kind in ("", "name=systemd")), "")
