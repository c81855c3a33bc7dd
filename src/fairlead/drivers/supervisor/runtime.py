"""The embedded runtime: copies, tasks and services as programs of one supervisor per home."""

import os
import signal
from collections.abc import Mapping

import msgspec

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.base.ids import name as checked
from fairlead.base.paths import Home
from fairlead.drivers._proc import born
from fairlead.drivers.supervisor import daemon, layout, look, proc, tasks
from fairlead.drivers.supervisor.launch import read_state
from fairlead.drivers.supervisor.programs import Info, Programs
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Launch, Process, ProcessState, Task, TaskSeen, TaskState


class Service(msgspec.Struct, frozen=True):
    """Something Fairlead itself needs running: the agent, Caddy. Restarted whenever it ends.

    ``environment`` is its whole environment; ``stop`` is its stop limit in seconds.
    """

    name: str
    argv: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    log: str
    stop: int = 10


class ServiceSeen(msgspec.Struct, frozen=True):
    """A service as seen; ``crashes`` counts its ends unasked since it was started."""

    state: ProcessState
    since: float
    pid: int = 0
    crashes: int = 0
    gave_up: bool = False
    detail: str = ""


class SupervisorRuntime:
    """The Runtime port on supervisor 4.3. Safe to use from several threads and processes.

    What a Process says, exactly. ``crashes``: the times the program was executed and ended, or
    could not be executed, without being asked, since ``start`` (counted by each try itself, see
    launch.py). ``gave_up``: it cannot be executed at all; a program that starts and ends is
    tried for ever, with a growing wait of at most 30 s. ``since``: when it was executed
    (running), when its end was noticed (crashed), when it was asked to end (stopping).
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._programs = Programs(home)
        self._mark = home.run.name

    def ensure(self) -> bool:
        """Start the supervisor unless it runs; True when it was started now.

        A fresh one knows no copies: those of one that died are strays. Raises Unknown when
        one runs that does not answer.
        """
        return daemon.ensure(self._home, self._programs.rpc)

    def supervisor_pid(self) -> int:
        """The supervisor's process id; 0 when none runs."""
        return daemon.pid(self._home)

    def shutdown(self, limit: float = 30.0) -> None:
        """End every copy, task and service, and the supervisor; after ``limit`` s by force.

        This process and those it runs in are not killed, even if they carry the home's mark.
        """
        daemon.shutdown(self._home, self._programs.rpc, limit)

    def close(self) -> None:
        """Drop the connection to the supervisor; the next call opens another."""
        self._programs.rpc.close()

    def processes(self, place: Place) -> tuple[Process, ...]:
        """All copies at a place. What has ended as asked is cleared away. Raises Unknown."""
        infos = self._programs.infos()
        seen = []
        for directory in self._programs.directories(layout.copy_prefix(place)):
            if found := self._programs.see(directory, infos.get(directory.name)):
                seen.append(look.process(*found))
        self._forget_tasks(place, infos)
        return tuple(sorted(seen, key=lambda process: process.copy))

    def start(self, launch: Launch) -> None:
        """Start a copy. One that runs, or waits for its next try, is left alone.

        Raises FairleadError when it is still stopping, UsageError when it cannot be executed.
        """
        about = layout.About(
            "copy", launch.log, launch.stop, launch.place, launch.copy, address=launch.address
        )
        program = layout.Program(
            name=layout.copy_name(launch.place, launch.copy),
            about=about,
            argv=launch.argv,
            directory=launch.directory,
            environment={**launch.environment, **self._marks(launch.place, launch.copy)},
            beside=layout.socket_of(launch.address),
            secrets=launch.secrets,
            hands_socket=launch.socket,
        )
        self._programs.begin(program, str(launch.copy))

    def stop(self, place: Place, copy: CopyId, keep_socket: bool = False) -> None:
        """Ask a copy to end; one that is not there is fine. Does not wait. No socket outlives it."""
        self._programs.stop(layout.copy_name(place, copy))

    def run(self, task: Task) -> None:
        """Start a task, unless it was ever started. Raises UsageError, Unknown."""
        directory = tasks.directory(self._home, task.place, task.key)
        if tasks.seen(directory):
            return
        tasks.make(directory)
        marks = {**self._marks(task.place), os.fsdecode(proc.MARK_TASK): task.key}
        self._programs.begin(tasks.program(directory, task, marks), f"task {task.key}")

    def task(self, place: Place, key: str) -> TaskSeen:
        """How far a task got. Raises Unknown when only the supervisor could say and does not."""
        directory = tasks.directory(self._home, place, key)
        name = layout.task_name(place, key)
        if seen := tasks.seen(directory):
            return seen
        known = self._programs.directory(name).exists()
        info = self._programs.info(name) if known else None
        # It may have got further while we asked, and been cleared away.
        return tasks.seen(directory) or _not_begun(info)

    def strays(self, place: Place) -> tuple[int, ...]:
        """Processes with this home's and the place's mark that nothing accounts for."""
        wanted = (os.fsencode(self._mark), os.fsencode(str(place)))
        carry = [pid for pid in proc.ours() if _is_of(pid, wanted)]
        table = proc.lines(carry)
        mains = {info["pid"] for info in self._programs.infos().values() if info["pid"]}
        marked = sorted(pid for pid in carry if pid in table)
        if not marked:
            return ()
        groups = mains | self._groups(place)
        spared = proc.ancestors(os.getpid())
        return tuple(
            pid
            for pid in marked
            if table[pid].group not in groups
            and pid not in spared
            and not groups & _line(pid, table)
            and proc.find(pid)
        )

    def end_stray(self, place: Place, pid: int) -> None:
        """SIGTERM, and SIGKILL when it was asked before. Refused for any other process."""
        if pid not in self.strays(place):
            if proc.find(pid) is None:
                return
            raise Refused(f"not a stray of {place}: process {pid}", "fairlead drift lists them")
        asked = layout.root(self._home) / f"stray-{pid}-{born(pid)}"
        proc.signal_all([pid], signal.SIGKILL if asked.exists() else signal.SIGTERM)
        asked.touch(mode=0o600)

    def service(self, service: Service) -> None:
        """Keep a service running. One that runs is left alone, and its next start uses this.

        What a dead supervisor's service left running is ended first: it holds the ports.
        """
        marks = {
            os.fsdecode(proc.MARK_RUNTIME): self._mark,
            os.fsdecode(proc.MARK_SERVICE): checked(service.name, "a service"),
        }
        program = layout.Program(
            name=f"service-{service.name}",
            about=layout.About("service", service.log, service.stop, key=service.name),
            argv=service.argv,
            directory=service.directory,
            environment={**service.environment, **marks},
        )
        self._programs.begin(program, service.name)

    def service_state(self, name: str) -> ServiceSeen | None:
        """A service as seen; None when it is not wanted or has been stopped. Raises Unknown."""
        program = f"service-{checked(name, 'a service')}"
        info = self._programs.info(program)
        found = self._programs.see(self._programs.directory(program), info)
        if found is None:
            return None
        sight = found[1]
        return ServiceSeen(
            sight.state, sight.since, sight.pid, sight.crashes, sight.gave_up, sight.detail
        )

    def stop_service(self, name: str) -> None:
        """Ask a service to end, and do not start it again. Does not wait."""
        self._programs.stop(f"service-{checked(name, 'a service')}")

    def _marks(self, place: Place, copy: CopyId | None = None) -> dict[str, str]:
        marks = {proc.MARK_RUNTIME: self._mark, proc.MARK_PLACE: str(place)}
        if copy is not None:
            marks[proc.MARK_COPY] = f"{copy.release}.{copy.role}.{copy.number}"
        return {os.fsdecode(key): value for key, value in marks.items()}

    def _forget_tasks(self, place: Place, infos: Mapping[str, Info]) -> None:
        """Clear away the programs of tasks that are over; their outcome stays."""
        for directory in self._programs.directories(layout.task_prefix(place)):
            about, info = layout.about(directory), infos.get(directory.name)
            if about and info and info["start"] and info["state"] not in look.ALIVE:
                self._programs.forget(directory, about)

    def _groups(self, place: Place) -> set[int]:
        """The process groups of all programs, and of the place's tasks. Never 0."""
        known = self._programs.directories("")
        groups = {read_state(str(directory)).group for directory in known}
        return (groups | tasks.groups(self._home, place)) - {0}


def _not_begun(info: Info | None) -> TaskSeen:
    """A task that has left no claim: on its way to it, or never started."""
    if info is None or not info["start"]:
        return TaskSeen(TaskState.ABSENT)
    state = TaskState.RUNNING if info["state"] in look.ALIVE else TaskState.LOST
    return TaskSeen(state, since=float(info["start"]))


def _is_of(pid: int, wanted: tuple[bytes, bytes]) -> bool:
    marks = proc.marks(pid)
    return (marks.get(proc.MARK_RUNTIME), marks.get(proc.MARK_PLACE)) == wanted


def _line(pid: int, table: Mapping[int, proc.Found]) -> set[int]:
    """A process and those it descends from."""
    seen: set[int] = set()
    while pid in table and pid not in seen:
        seen.add(pid)
        pid = table[pid].parent
    return seen
