"""Processes below this one, by Linux's /proc (proc(5))."""

import os
import time
from collections.abc import Iterator

from fairlead.drivers._keeper.libc import SIGKILL, SIGSTOP, SIGTERM

_PAGE = os.sysconf("SC_PAGESIZE")
_PATIENCE = 3.0


class Seen:
    """A process: its parent, how many threads it has (a zombie: 1), and its memory in bytes."""

    __slots__ = ("alive", "memory", "parent", "threads")

    def __init__(self, stat: bytes) -> None:
        # Its name is in brackets, and may hold any character.
        words = stat[stat.rindex(b")") + 2 :].split(None, 22)
        self.alive = words[0] not in (b"Z", b"X")
        self.parent = int(words[1])
        self.threads = max(1, int(words[17]))
        self.memory = int(words[21]) * _PAGE


def everyone() -> Iterator[tuple[int, Seen]]:
    """Every process that there is."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    yield int(name), Seen(file.read())
            except OSError:
                continue


def threads_of(user: int) -> int:
    """How many threads a user has."""
    found = 0
    for process, seen in everyone():
        try:
            found += seen.threads if os.stat(f"/proc/{process}").st_uid == user else 0
        except OSError:
            continue
    return found


def descendants() -> dict[int, Seen]:
    """Every process below this one, zombies too."""
    return below(os.getpid(), dict(everyone()))


def below(root: int, seen: dict[int, Seen]) -> dict[int, Seen]:
    """The processes whose line of parents reaches ``root``."""
    children: dict[int, list[int]] = {}
    for process, one in seen.items():
        children.setdefault(one.parent, []).append(process)
    found = [root]
    for process in found:  # grows while it is walked
        found += children.pop(process, ())
    return {process: seen[process] for process in found[1:]}


def living() -> list[int]:
    """Those of them that run."""
    return [process for process, one in descendants().items() if one.alive]


def tell(processes: list[int], number: int) -> None:
    """Send a signal to each; one that is gone is fine."""
    for process in processes:
        try:
            os.kill(process, number)
        except (ProcessLookupError, PermissionError):
            continue


def kill_all() -> None:
    """Kill what is below, at once, also where it multiplies faster than it can be counted.

    Process 1 of a namespace asks the kernel to do so in one step (kill(2): -1). Others halt first
    what they find, until they find nothing that still runs: what is halted starts nothing.
    """
    if os.getpid() == 1:
        tell([-1], SIGKILL)
        return
    halted: set[int] = set()
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        new = [process for process in living() if process not in halted]
        if not new:
            break
        tell(new, SIGSTOP)
        halted.update(new)
    tell(living(), SIGKILL)


def end_all(grace: float) -> int:
    """Ask what is left to end, kill what does not; how many there were."""
    left = living()
    tell(left, SIGTERM)
    deadline = time.monotonic() + grace
    while reap():
        if time.monotonic() > deadline:
            kill_all()
        time.sleep(0.005)
    return len(left)


def reap() -> bool:
    """Collect what ended; whether children remain."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def reap_orphans(child: int) -> None:
    """Collect what ended and is not ``child``: a long command may leave many behind."""
    try:
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid == child:
                return
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        return
