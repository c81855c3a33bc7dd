"""Tasks: commands that run once and leave their outcome in a durable directory.

    claim     created exclusively by launch.py before the command: it was started
    child     the command's process group, its session, and when its limit ends it
    outcome   its exit code and when: it is over

No supervisor is needed to read them, so a task's end is seen as soon as it is written.
"""

import hashlib
import os
import re
import signal
import time
from pathlib import Path

from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers._proc import born
from fairlead.drivers.supervisor import layout, proc
from fairlead.drivers.supervisor.launch import group_members
from fairlead.rollout.ports import Task, TaskSeen, TaskState

_OVERTIME = 10.0  # launch.py itself ends it within 5 s of its limit


def program(directory: Path, task: Task, marks: dict[str, str]) -> layout.Program:
    """A task as a program of the supervisor."""
    return layout.Program(
        name=layout.task_name(task.place, task.key),
        about=layout.About("task", task.log, stop=10, place=task.place, key=task.key),
        argv=task.argv,
        directory=task.directory,
        environment={**task.environment, **marks},
        beside=str(directory),
        limit=task.limit,
        keeps_running=False,
        secrets=task.secrets,
    )


def seen(directory: Path) -> TaskSeen | None:
    """How far a task got, by its own files; None when it never began."""
    if over := _outcome(directory):
        return over
    try:
        claim = directory / "claim"
        fields, since = claim.read_text().split(), claim.stat().st_mtime
    except FileNotFoundError:
        return None
    # A claim is created and then filled; for that moment its writer is at work.
    watched = len(fields) < 3 or born(int(fields[0])) == fields[1]
    if (watched and not _stale(fields, since)) or orphans(directory):
        return TaskSeen(TaskState.RUNNING, since=since)
    # It may have ended between the two looks.
    return _outcome(directory) or TaskSeen(TaskState.LOST, since=since)


def _stale(fields: list[str], since: float) -> bool:
    """A claim that was never filled: its writer was killed in that moment."""
    return len(fields) < 3 and time.time() - since > 1.0


def _outcome(directory: Path) -> TaskSeen | None:
    try:
        code, since = (directory / "outcome").read_text().split()
    except FileNotFoundError:
        return None
    return TaskSeen(TaskState.EXITED, exit=int(code), since=float(since))


def orphans(directory: Path) -> list[int]:
    """The command's living processes. A command whose watcher was killed still runs, and is
    not lost until it ends; past its limit it is ended here."""
    try:
        group, session, until = (directory / "child").read_text().split()
    except FileNotFoundError:
        return []
    left = group_members(int(group), int(session))
    if left and time.time() > float(until) + _OVERTIME:
        proc.signal_all(left, signal.SIGKILL)
    return left


def groups(home: Home, place: Place) -> set[int]:
    """The process groups of all tasks of a place that are running."""
    base = directory(home, place, "").parent
    found = set()
    for one in base.iterdir() if base.exists() else ():
        if not (one / "outcome").exists() and orphans(one):
            found.add(int((one / "child").read_text().split()[0]))
    return found


def directory(home: Home, place: Place, key: str) -> Path:
    """Where a task's claim and outcome stay. Durable: the same key never runs twice."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", key)[:60].lstrip(".")
    tail = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return home.root / "apps" / place.app / place.environment / "tasks" / f"{plain}-{tail}"


def make(directory: Path) -> None:
    """The task's directory, durable."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in (directory, directory.parent):
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(file)
        os.close(file)
