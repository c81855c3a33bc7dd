"""What the supervisor and launch.py say of a program, read as one state.

supervisor's process states (supervisord.org, "Process States") and launch.py's ``state`` file
together are exact: the supervisor knows which process is there now, the file knows which tries
were made. When they name different processes, the one in the file has ended.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fairlead.drivers.supervisor.launch import State, group_members, read_state
from fairlead.drivers.supervisor.layout import About
from fairlead.rollout.ports import Process, ProcessState

STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL = 0, 10, 20, 30, 40, 100, 200
ALIVE = (STARTING, RUNNING, STOPPING)
DOWN = (BACKOFF, EXITED, FATAL)
_TAIL = 65536


class Sight(msgspec.Struct, frozen=True):
    """A program's state. ``ended`` is set when it was asked to end and has, whole;
    ``rest`` are the children that its main process, having ended as asked, left behind."""

    state: ProcessState
    since: float
    pid: int = 0
    crashes: int = 0
    gave_up: bool = False
    detail: str = ""
    ended: bool = False
    rest: tuple[int, ...] = ()


def process(about: About, sight: Sight) -> Process:
    """A copy's sight in the words of the port."""
    assert about.copy is not None
    return Process(
        copy=about.copy,
        state=sight.state,
        since=sight.since,
        pid=sight.pid,
        address=about.address,
        crashes=sight.crashes,
        gave_up=sight.gave_up,
        detail=sight.detail,
    )


def see(directory: Path, info: Mapping[str, Any], log: Path) -> Sight:
    """The state of the program in ``directory``, of which the supervisor said ``info``."""
    state = read_state(str(directory))
    asked = _asked(directory)
    code, pid = info["state"], info["pid"]
    if code == STOPPING:
        return Sight(ProcessState.STOPPING, asked or float(info["now"]), pid, state.crashes)
    if code == STOPPED or (code in DOWN and asked):
        return _stopped(state, asked or float(info["stop"]))
    if code in (STARTING, RUNNING):
        return _up(state, pid, float(info["start"]), log, directory.name)
    if code in DOWN:
        return _down(state, info, log, directory.name)
    return Sight(ProcessState.UNKNOWN, float(info["now"]), pid, detail=info["statename"])


def _asked(directory: Path) -> float:
    """When it was asked to end, or 0."""
    try:
        return (directory / "stop").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def rest(state: State) -> list[int]:
    """What is left of a program's process group."""
    return group_members(state.group, state.session) if state.group else []


def _stopped(state: State, since: float) -> Sight:
    """Its process has ended as asked; it has ended whole when its children have, too."""
    left = rest(state)
    if not left:
        return Sight(ProcessState.STOPPING, since, ended=True)
    detail = f"its main process has ended; {len(left)} of its children have not"
    return Sight(
        ProcessState.STOPPING, since, left[0], state.crashes, detail=detail, rest=tuple(left)
    )


def _up(state: State, pid: int, start: float, log: Path, name: str) -> Sight:
    """There is a process: the program itself, or launch.py on the way to it."""
    if state.phase == "none":
        return Sight(ProcessState.RUNNING, start, pid)
    if state.group != pid:  # the next try has just begun and has not written down the crash
        crashes = state.crashes + (state.phase == "running")
        return Sight(ProcessState.CRASHED, start, 0, crashes, detail=_ending(log, name))
    if state.phase == "running":
        return Sight(ProcessState.RUNNING, state.since, pid, state.crashes)
    if state.phase == "cannot":
        detail = f"it cannot be executed: {state.detail.strip()}"
        return Sight(
            ProcessState.CRASHED, state.since, 0, state.crashes, gave_up=True, detail=detail
        )
    if state.crashes == 0:
        return Sight(ProcessState.RUNNING, state.since, pid)
    detail = f"{_ending(log, name)}; tried again after {state.until - state.since:.1f} s"
    return Sight(ProcessState.CRASHED, state.since, 0, state.crashes, detail=detail)


def _down(state: State, info: Mapping[str, Any], log: Path, name: str) -> Sight:
    """There is no process: the supervisor tries again within a second, or never (FATAL)."""
    crashes = state.crashes + (state.phase in ("running", "none"))
    gave_up = info["state"] == FATAL
    detail = info["spawnerr"] if gave_up else _ending(log, name)
    return Sight(ProcessState.CRASHED, float(info["stop"]), 0, crashes, gave_up, detail)


def _ending(log: Path, name: str) -> str:
    """How its last try ended, as the supervisor's log has it: "exit status 1"."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "it ended"
    start = f" exited: {name} ("
    said = next((line for line in reversed(lines) if start in line), "")
    how = said.partition(start)[2].partition(";")[0].rstrip(")")
    return f"it ended: {how}" if how else "it ended"
