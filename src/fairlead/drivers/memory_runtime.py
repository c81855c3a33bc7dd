"""The Runtime port without processes: it does what the port says, by the clock it is given."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from fairlead.base.clock import Clock
from fairlead.base.errors import FairleadError, Refused, Unknown, UsageError
from fairlead.base.ids import Place
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Launch, Process, ProcessState, Task, TaskSeen, TaskState


class _Copy(msgspec.Struct):
    launch: Launch
    pid: int
    state: ProcessState
    since: float
    until: float = 0.0  # when a wait or a stop ends
    crashes: int = 0
    gave_up: bool = False
    detail: str = ""


class _Run(msgspec.Struct):
    task: Task
    since: float
    exit: int | None  # None: it will be lost


class MemoryRuntime:
    """Copies and tasks as entries.

    ``stop_takes``, ``task_takes`` and ``restart_after`` are seconds by ``clock``. ``exits``
    says how a task ends (None: it is lost). A program whose name is in ``missing`` cannot be
    executed.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        stop_takes: float = 0.0,
        task_takes: float = 0.0,
        restart_after: float = 0.2,
        exits: Callable[[Task], int | None] = lambda _task: 0,
        missing: frozenset[str] = frozenset(),
    ) -> None:
        self.down = False
        """Set: every question about processes is Unknown."""
        self._clock = clock
        self._stop_takes = stop_takes
        self._task_takes = task_takes
        self._restart_after = restart_after
        self._exits = exits
        self._missing = missing
        self._lock = threading.RLock()
        self._pids = itertools.count(1001)
        self._copies: dict[tuple[Place, CopyId], _Copy] = {}
        self._tasks: dict[tuple[Place, str], _Run] = {}
        self._strays: dict[int, Place] = {}

    def processes(self, place: Place) -> tuple[Process, ...]:
        """All copies at a place."""
        with self._up():
            self._move()
            here = [copy for (at, _), copy in self._copies.items() if at == place]
            return tuple(sorted(map(_seen, here), key=lambda process: process.copy))

    def start(self, launch: Launch) -> None:
        """Start a copy."""
        with self._up():
            self._move()
            _check(launch.argv)
            key = (launch.place, launch.copy)
            old = self._copies.get(key)
            if old and old.state is ProcessState.STOPPING:
                what = f"still stopping: {launch.copy}"
                raise FairleadError(what, "try again once it has ended")
            if old is None or old.gave_up:
                self._copies[key] = self._started(launch)

    def stop(self, place: Place, copy: CopyId, keep_socket: bool = False) -> None:
        """Ask a copy to end."""
        with self._up():
            self._move()
            found = self._copies.get((place, copy))
            if found and found.state is not ProcessState.STOPPING:
                now = self._clock.now()
                found.state, found.since, found.until = (
                    ProcessState.STOPPING,
                    now,
                    now + self._stop_takes,
                )

    def run(self, task: Task) -> None:
        """Start a task once."""
        with self._lock:
            key = (task.place, task.key)
            if key in self._tasks:
                return
            _check(task.argv)
            with self._up():
                self._tasks[key] = _Run(task, self._clock.now(), self._exits(task))

    def task(self, place: Place, key: str) -> TaskSeen:
        """How far a task got."""
        with self._lock:
            run = self._tasks.get((place, key))
            if run is None:
                return TaskSeen(TaskState.ABSENT)
            ends = run.since + min(self._task_takes, run.task.limit)
            if self._clock.now() < ends:
                return TaskSeen(TaskState.RUNNING, since=run.since)
            if run.exit is None:
                return TaskSeen(TaskState.LOST, since=run.since)
            late = self._task_takes > run.task.limit
            return TaskSeen(TaskState.EXITED, exit=124 if late else run.exit, since=ends)

    def strays(self, place: Place) -> tuple[int, ...]:
        """The strays put here with ``add_stray``."""
        with self._up():
            return tuple(sorted(pid for pid, at in self._strays.items() if at == place))

    def end_stray(self, place: Place, pid: int) -> None:
        """End one of ``strays``."""
        with self._up():
            if self._strays.get(pid) == place:
                del self._strays[pid]
            elif pid in self._strays or any(copy.pid == pid for copy in self._copies.values()):
                raise Refused(f"not a stray of {place}: process {pid}", "fairlead drift lists them")

    def crash(self, place: Place, copy: CopyId) -> None:
        """Let a copy end unasked."""
        with self._lock:
            found = self._copies[place, copy]
            now = self._clock.now()
            found.state, found.since, found.pid = ProcessState.CRASHED, now, 0
            found.crashes, found.until = found.crashes + 1, now + self._restart_after
            found.detail = "it ended: crashed by hand"

    def add_stray(self, place: Place) -> int:
        """Put a stray at a place; its process id."""
        with self._lock:
            pid = next(self._pids)
            self._strays[pid] = place
            return pid

    def orphan(self) -> None:
        """What the death of the supervisor does: every copy becomes a stray."""
        with self._lock:
            for (place, _), copy in self._copies.items():
                if copy.pid:
                    self._strays[copy.pid] = place
            self._copies.clear()

    @contextmanager
    def _up(self) -> Iterator[None]:
        with self._lock:
            if self.down:
                raise Unknown("the memory runtime is set to be down", "set down to False")
            yield

    def _started(self, launch: Launch) -> _Copy:
        now = self._clock.now()
        if launch.argv[0] in self._missing:
            detail = f"it cannot be executed: no such file: {launch.argv[0]}"
            crashed = ProcessState.CRASHED
            return _Copy(launch, 0, crashed, now, crashes=1, gave_up=True, detail=detail)
        return _Copy(launch, next(self._pids), ProcessState.RUNNING, now)

    def _move(self) -> None:
        """Let happen what falls due by now."""
        now = self._clock.now()
        for key, copy in list(self._copies.items()):
            due = now >= copy.until
            if copy.state is ProcessState.STOPPING and due:
                del self._copies[key]
            elif copy.state is ProcessState.CRASHED and due and not copy.gave_up:
                copy.state, copy.since, copy.detail = ProcessState.RUNNING, copy.until, ""
                copy.pid = next(self._pids)


def _check(argv: tuple[str, ...]) -> None:
    if not argv or any("\0" in word for word in argv):
        raise UsageError("cannot be executed: its command is empty or odd", "name a program")


def _seen(copy: _Copy) -> Process:
    return Process(
        copy=copy.launch.copy,
        state=copy.state,
        since=copy.since,
        pid=copy.pid,
        address=copy.launch.address,
        crashes=copy.crashes,
        gave_up=copy.gave_up,
        detail=copy.detail,
        socket_stays=copy.launch.socket,
    )
