"""What systemd says of a copy's unit, in the words of the port.

The states are those of systemd's service units (service.c of 252): ``SubState`` within
``ActiveState``. ``NRestarts`` counts the restarts that systemd made by itself since the unit was
started, so a crash that was not answered yet is not in it.
"""

import re
import signal
from datetime import datetime
from typing import NamedTuple

from fairlead.drivers.systemd.systemctl import Properties
from fairlead.drivers.systemd.units import NOT_FOUND, NOT_SET_UP, About
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Process, ProcessState

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "NRestarts",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainStartTimestamp",
    "ExecMainExitTimestamp",
    "StateChangeTimestamp",
    "Job",
)
_HOW = {"1": "exited", "2": "killed", "3": "dumped"}  # waitid(2): CLD_EXITED and so on
_ENDING = re.compile(r"([a-z-]+) (exited|killed|dumped) ([A-Z0-9]+)")


def at_work(seen: Properties) -> bool:
    """Whether the unit has a process, will have one, or waits for its next try."""
    return seen["ActiveState"] not in ("inactive", "failed") or queued(seen)


def goes_on(seen: Properties) -> bool:
    """Whether nobody has told systemd to stop it. One that starts has a job either way."""
    starts = seen["ActiveState"] == "activating" and seen["SubState"] == "start"
    return starts or (seen["ActiveState"] == "active" and not queued(seen))


def queued(seen: Properties) -> bool:
    """Whether systemd still has to start or stop it."""
    return seen.get("Job", "0") not in ("", "0")


def ended(seen: Properties, asked: float) -> bool:
    """Whether it has ended for good: as asked, or stopped by somebody's hand."""
    return not at_work(seen) and (bool(asked) or seen["ActiveState"] == "inactive")


class Notes(NamedTuple):
    """What a copy's unit wrote down about its tries: how the last one ended and when, and
    whether the next one still waits."""

    ended: str = ""
    at: float = 0.0
    waiting: bool = False


def process(
    copy: CopyId, about: About, seen: Properties, asked: float, notes: Notes, now: float
) -> Process:
    """A copy that has not ended. ``asked`` is when it was asked to end, or 0."""
    state, extra, gave_up = _state(seen, asked, notes.waiting)
    started = at(seen["ExecMainStartTimestamp"])
    over = notes.at or at(seen["ExecMainExitTimestamp"])
    since = asked or (started if state is ProcessState.RUNNING else over)
    return Process(
        copy=copy,
        state=state,
        since=since or at(seen["StateChangeTimestamp"]) or now,
        pid=0 if state is ProcessState.CRASHED else int(seen["MainPID"]),
        address=about.address,
        crashes=int(seen["NRestarts"]) + extra,
        gave_up=gave_up,
        detail=_detail(state, seen, notes.ended, about),
        socket_stays=bool(about.socket),
    )


def _state(seen: Properties, asked: float, waiting: bool) -> tuple[ProcessState, int, bool]:
    """The state, the crashes that NRestarts lacks, and whether systemd gave up."""
    active, sub = seen["ActiveState"], seen["SubState"]
    if asked:
        return ProcessState.STOPPING, 0, False
    if active == "failed":
        return ProcessState.CRASHED, 1, True
    if sub == "auto-restart":
        return ProcessState.CRASHED, 1, False
    if active == "deactivating":  # what a crash left is ended, or somebody's hand stops it
        alive = seen["MainPID"] != "0"
        return (ProcessState.STOPPING, 0, False) if alive else (ProcessState.CRASHED, 1, False)
    if active in ("active", "activating") and waiting:
        return ProcessState.CRASHED, 0, False
    if active in ("active", "activating") or queued(seen):
        return ProcessState.RUNNING, 0, False
    return ProcessState.UNKNOWN, 0, False


def _detail(state: ProcessState, seen: Properties, last: str, about: About) -> str:
    if state is ProcessState.UNKNOWN:
        return f"systemd calls it {seen['ActiveState']} ({seen['SubState']})"
    if state is not ProcessState.CRASHED:
        return "its unit is masked by hand" if seen["LoadState"] == "masked" else ""
    how = _HOW.get(seen["ExecMainCode"])
    text = f"{seen['Result']} {how} {seen['ExecMainStatus']}" if how else last.strip()
    return _ending(text, about)


def _ending(text: str, about: About) -> str:
    """How a try ended; ``text`` is as in ``units``' notes: "exit-code exited 3"."""
    found = _ENDING.fullmatch(text)
    if found is None:
        return "it ended"
    result, how, status = found.groups()
    if result == "oom-kill":
        return "it ended: killed by the kernel, which had no memory left for it"
    if result == "watchdog":
        return "it ended: it said for longer than its watchdog's time nothing"
    if how != "exited":
        name = _signal(status)
        # Only the newer kind of control groups tells systemd of it.
        perhaps = "; the kernel does that when memory runs out" if name == "SIGKILL" else ""
        return f"it ended: killed by {name}{perhaps}"
    if status in map(str, NOT_FOUND):
        return f"it cannot be executed: {about.program} (exit status {status})"
    if status in map(str, NOT_SET_UP):
        return f"systemd could not set it up: exit status {status} of systemd.exec(5)"
    return f"it ended: exit status {status}"


def _signal(name: str) -> str:
    """``KILL``, or its number, as ``SIGKILL``."""
    try:
        return signal.Signals(int(name)).name if name.isdigit() else f"SIG{name}"
    except ValueError:
        return f"signal {name}"


def at(text: str) -> float:
    """``Sat 2026-11-21 18:47:00.123456 UTC`` as seconds since 1970; 0 for none."""
    parts = text.split()
    if len(parts) != 4:
        return 0.0
    return datetime.fromisoformat(f"{parts[1]}T{parts[2]}+00:00").timestamp()
