"""What this machine has left: disk, memory, and the limits of control groups (version 2).

Memory: MemAvailable is what the kernel takes to be usable without swapping (proc(5)). Within a
limit it is what is unused of that, and what the group holds only to read it faster: the file
pages on the kernel's two lists and reclaimable slabs (memory.stat in the kernel's
admin-guide/cgroup-v2). A limit that can be read whose use cannot be leaves its whole as the most.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from fairlead.base.ids import Place
from fairlead.plan.model import Room

Numbers = Mapping[str, int]


class HostCapacity:
    """The Capacity port on Linux. ``root`` lies on the file system that releases, state and
    backups are on. ``slice_of`` names the systemd slice that a place's copies run in; without it
    they run in this process's own control group. ``machine`` is where /proc and /sys are."""

    def __init__(
        self,
        root: Path,
        slice_of: Callable[[Place], str] | None = None,
        machine: Path = Path("/"),
    ) -> None:
        self._root = root
        self._slice_of = slice_of
        self._proc = machine / "proc"
        self._groups = machine / "sys/fs/cgroup"

    def room(self, place: Place) -> Room:
        """See ``Capacity``."""
        memory = self._memory(place)
        try:
            disk = os.statvfs(self._root)
        except OSError:
            return Room(memory)
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        # A file system that makes its inodes as it needs them says that it has none (btrfs).
        return Room(memory, free, size, disk.f_favail if disk.f_files else None)

    def memory(self, pids: Collection[int]) -> Mapping[int, int]:
        """See ``Capacity``."""
        children = self._children() if pids else {}
        sums = {pid: [self._own(one) for one in _family(pid, children)] for pid in pids}
        return {pid: sum(n or 0 for n in found) for pid, found in sums.items() if found[0]}

    def _memory(self, place: Place) -> int | None:
        here = _table(self._proc / "meminfo")
        swap = here.get("SwapFree", 0)
        tops = [here["MemAvailable"] + swap] if "MemAvailable" in here else []
        tops += [left for one in self._within(place) if (left := _left(one, swap)) is not None]
        return min(tops, default=None)

    def _within(self, place: Place) -> list[Path]:
        """The control group that the place's copies start in, and those around it."""
        if self._slice_of:
            below = slice_path(self._slice_of(place))
        else:
            lines = _text(self._proc / "self/cgroup").splitlines()
            own = (line.removeprefix("0::") for line in lines if line.startswith("0::"))
            below = next(own, "").strip("/")
        group = self._groups / below
        return [group, *(up for up in group.parents if up.is_relative_to(self._groups))]

    def _children(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for name in os.listdir(self._proc):
            # The name in parentheses may hold anything (proc(5), /proc/PID/stat).
            fields = _text(self._proc / name / "stat").rpartition(")")[2].split()
            if name.isdigit() and len(fields) > 1:
                found.setdefault(int(fields[1]), []).append(int(name))
        return found

    def _own(self, pid: int) -> int | None:
        """Memory that no file is behind: shared in parts by those who share it where we may know
        (smaps_rollup), else whole."""
        shared = _table(self._proc / str(pid) / "smaps_rollup")
        if "Pss_Anon" in shared:
            return shared["Pss_Anon"] + shared.get("Pss_Shmem", 0)
        return _table(self._proc / str(pid) / "status").get("RssAnon")


def slice_path(name: str) -> str:
    """Where a slice is: ``a-b.slice`` lies in ``a.slice`` (systemd.slice(5))."""
    parts = name.removesuffix(".slice").split("-")
    return "/".join(f"{'-'.join(parts[: n + 1])}.slice" for n in range(len(parts)))


def _left(group: Path, swap: int) -> int | None:
    """What may yet be used within a group's limit; None where it has none."""
    most = _number(group / "memory.max")
    if most is None:
        return None
    used, stat = _number(group / "memory.current"), _table(group / "memory.stat")
    back = sum(stat.get(key, 0) for key in ("inactive_file", "active_file", "slab_reclaimable"))
    free = most if used is None else max(0, most - used + min(back, used))
    swap_most, swap_used = (_number(group / f"memory.swap.{what}") for what in ("max", "current"))
    return free + (swap if swap_most is None else min(swap, max(0, swap_most - (swap_used or 0))))


def _family(pid: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _family(child, children)


def _number(path: Path) -> int | None:
    """A file that holds one number; None for any other, "max" among them."""
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _table(path: Path) -> Numbers:
    """Lines of ``name: 12 kB`` or ``name 12``, in bytes."""
    rows = (line.replace(":", " ").split() for line in _text(path).splitlines())
    found = ((row[0], row[1], row[2:]) for row in rows if len(row) > 1 and row[1].isdigit())
    return {name: int(number) * (1024 if unit == ["kB"] else 1) for name, number, unit in found}


def _text(path: Path) -> str:
    """A file's text; "" where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
