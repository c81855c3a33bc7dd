"""What all processes of a command together may use, looked at while it runs.

Looking needs no right and no set-up, so it is the same for root on a server, for a user of a
laptop and in somebody's container. Its price: what grows fast is over its limit by what it grows
between two looks. The kernel's own limits (setrlimit(2)) stand behind it where they can.
"""

import math
import os
import time

from fairlead.base.room import FEWEST_FILES, kept_free, megabytes
from fairlead.drivers._keeper.processes import Seen, descendants

EVERY, LATEST = 0.05, 0.25
"""Seconds between two looks: the least, and the most."""
SHARE = 40
"""Of a processor, looking takes no more than one part in so many."""
MEMORY, PROCESSES, DISK = "memory", "processes", "disk"
_LEAST_MEMORY = 32  # of the machine's memory, one part in so many is left
_LONGEST_WALK = 0.2


class Limits:
    """``memory`` and ``disk`` in bytes, ``processes`` with threads; 0 is none. ``paths`` are the
    directories that the command writes to."""

    def __init__(self, memory: int, processes: int, disk: int, paths: list[str]) -> None:
        self.memory = memory
        self.processes = processes
        self.disk = disk
        self._disks = [Disk(group, disk) for group in by_device(paths)] if disk else []
        self._wait = EVERY if memory or processes or disk else math.inf

    def wait(self) -> float:
        """Seconds until the next look."""
        return self._wait

    def look(self) -> tuple[str, str]:
        """The limit that is gone over, and a sentence with figures; two "" for none."""
        # By the processor's time, not the clock's: who is starved must look more, not less.
        began = time.thread_time()
        found = self._found()
        self._wait = min(max(EVERY, SHARE * (time.thread_time() - began)), LATEST)
        return found

    def _found(self) -> tuple[str, str]:
        seen = descendants() if self.memory or self.processes else {}
        threads = sum(one.threads for one in seen.values())
        if self.processes and threads > self.processes:
            return PROCESSES, f"{threads} processes and threads, {self.processes} are its limit"
        if self.memory:
            said = self._memory(seen)
            if said:
                return MEMORY, said
        return self.last()

    def last(self) -> tuple[str, str]:
        """The look after its end, at what stays: who was stopped by the kernel's own limit of a
        file's size may have ended by itself."""
        for disk in self._disks:
            said = disk.look()
            if said:
                return DISK, said
        return "", ""

    def _memory(self, seen: dict[int, Seen]) -> str:
        used = sum(one.memory for one in seen.values())
        if used > self.memory:
            # Pages that several share were counted for each: ask the kernel for their parts.
            used = sum(part_of(process, one) for process, one in seen.items())
            if used > self.memory:
                return f"{megabytes(used)} of memory, {megabytes(self.memory)} is its limit"
        left, whole = machine_memory()
        if left < whole // _LEAST_MEMORY:
            return f"the machine has {megabytes(left)} of memory left"
        return ""


def part_of(process: int, one: Seen) -> int:
    """A process's part of the memory it uses (proc(5): smaps_rollup, Pss); all of it where the
    kernel does not say."""
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return one.memory


def machine_memory() -> tuple[int, int]:
    """Bytes that can be had without swapping, and all; (1, 1) where nobody says."""
    found = {}
    with open("/proc/meminfo", "rb") as file:
        for line in file:
            name, _, size = line.partition(b":")
            found[name] = int(size.split()[0]) * 1024
            if name == b"MemAvailable":
                return found[name], found[b"MemTotal"]
    return 1, 1


def by_device(paths: list[str]) -> list[list[str]]:
    """Paths by the file system they are on."""
    groups: dict[int, list[str]] = {}
    for path in paths:
        groups.setdefault(os.stat(path).st_dev, []).append(path)
    return list(groups.values())


class Disk:
    """One file system, and the directories on it. What is below them is counted only when the
    file system has lost so much that they can have gone over."""

    def __init__(self, paths: list[str], limit: int) -> None:
        self._paths = paths
        self._limit = limit
        facts = os.statvfs(paths[0])
        size = facts.f_blocks * facts.f_frsize
        free, files = facts.f_bavail * facts.f_frsize, facts.f_favail
        # A disk that is nearly full already is not the command's doing.
        self._floor = min(kept_free(size), free // 2)
        self._fewest = min(FEWEST_FILES, files // 2)
        self._suspect = free - limit // 2

    def look(self) -> str:
        """What is wrong, or ""."""
        facts = os.statvfs(self._paths[0])
        free = facts.f_bavail * facts.f_frsize
        if free < self._floor:
            return f"its disk has {megabytes(free)} left"
        if facts.f_favail < self._fewest:
            return f"its disk can hold {facts.f_favail} files more"
        if free < self._suspect:
            used = below(self._paths, self._limit)
            if used >= self._limit:
                return f"{megabytes(used)} and more on disk, {megabytes(self._limit)} is its limit"
            self._suspect = min(self._suspect, free) - max(1, (self._limit - used) // 2)
        return ""


def below(paths: list[str], enough: int) -> int:
    """Bytes on disk below ``paths``, counted until there are ``enough`` or it takes
    too long: what is never counted to its end is stopped by the disk's floor."""
    used, deadline, waiting = 0, time.monotonic() + _LONGEST_WALK, list(paths)
    while waiting and used < enough and time.monotonic() < deadline:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # it moves while it is walked
            continue
    return used
