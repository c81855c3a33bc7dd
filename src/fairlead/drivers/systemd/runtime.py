"""The server's runtime: copies and tasks as systemd units, each place as a user of its own."""

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers._files import write_whole
from fairlead.drivers._proc import born
from fairlead.drivers.systemd import look, names, places, sockets, systemctl, tasks, units
from fairlead.drivers.systemd.files import UNITS, point, renew, write
from fairlead.drivers.systemd.logs import rotate
from fairlead.drivers.systemd.quoting import checked
from fairlead.drivers.systemd.strays import strays
from fairlead.drivers.systemd.systemctl import Properties
from fairlead.drivers.systemd.units import Ground, Limits, Unit, Ways
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Launch, Process, Task, TaskSeen, TaskState

_TARGET = """\
# Written by Fairlead. It starts the copies of all apps when the machine boots.
[Unit]
Description=Copies run by Fairlead

[Install]
WantedBy=multi-user.target
"""
_TASK_STOP = 10  # seconds a task may take to end once its limit has passed
_LOOK_EVERY = 0.01
_KEEP = b"keep its socket\n"
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SystemdRuntime:
    """The Runtime port on systemd 252 and newer, for root. Safe to use from several threads and
    processes.

    What a Process says, exactly. ``crashes``: the times the copy ended unasked since ``start``,
    or since the machine booted. ``gave_up``: it cannot be executed at all; a program that starts
    and ends is tried for ever, with a growing wait of at most 30 s. A copy that somebody stopped
    by hand is gone, as one that was asked to end.
    """

    def __init__(
        self, home: Home, proxy_group: str = "www-data", limits: Limits | None = None
    ) -> None:
        """``proxy_group`` may connect to the copies' sockets; ``limits`` are each copy's."""
        self._home = home
        self._own = home.root / "systemd"
        self._proxy_group = proxy_group
        self._limits = limits or Limits()
        self._told: dict[int, str] = {}

    def processes(self, place: Place) -> tuple[Process, ...]:
        """All copies at a place. What has ended is cleared away. Raises Unknown."""
        shown = self._shown(place)
        found = []
        for unit, seen in shown.items():
            copy = names.copy_of(place, unit)
            if copy is None:
                if names.is_task(place, unit):  # else somebody's own
                    self._forget_task(unit, seen)
                continue
            if not look.ended(seen, self._asked(unit)):
                found.append(self._process(copy, unit, seen))
            elif seen["LoadState"] != "masked" or self._asked(unit):
                self._clear(unit)
        return tuple(sorted(found, key=lambda process: process.copy))

    def start(self, launch: Launch) -> None:
        """Start a copy. One that runs, or waits for its next try, is left alone.

        Raises UsageError when it cannot be executed, Refused when somebody masked its unit,
        FairleadError when it is still stopping or systemd cannot start it, Unknown.
        """
        unit = names.copy_unit(launch.place, launch.copy)
        title = f"{launch.copy}, {launch.place}"
        socket = "" if launch.socket else units.socket_of(launch.address)
        writes = [launch.data, str(Path(socket).parent) if socket else ""]
        common = self._unit(launch, unit, title, launch.stop, writes)
        text = units.copy_text(common, launch.copy, launch.address, _ways(launch))
        variables = units.variables_text(launch.environment, launch.secrets)
        with self._locked():
            seen = systemctl.show([unit], look.PROPERTIES)[unit]
            if self._stays(unit, seen, str(launch.copy)):
                return
            self._ground(launch.place, launch.data, socket, launch.log)
            if launch.socket:
                sockets.make(launch, self._proxy_group)
            else:
                sockets.drop_unused(launch.place, launch.copy.role)
            self._link(unit)
            changed = self._put(unit, text, variables)
            self._begin(unit, seen, changed, launch.notify)

    def stop(self, place: Place, copy: CopyId, keep_socket: bool = False) -> None:
        """Ask a copy to end, and not to be started at boot. One that is not there is fine."""
        unit = names.copy_unit(place, copy)
        with self._locked():
            if not os.path.lexists(UNITS / unit):
                return
            if not self._asked(unit):
                write_whole(self._mark(unit), _KEEP if keep_socket else b"")
            self._wanted(unit).unlink(missing_ok=True)
            systemctl.stop(unit)

    def run(self, task: Task) -> None:
        """Start a task, unless it was ever started. Raises UsageError, Refused, Unknown."""
        unit = names.task_unit(task.place, task.key)
        directory = tasks.directory(self._home, task.place, task.key)
        title = f"task {task.key}, {task.place}"
        common = self._unit(task, unit, title, _TASK_STOP, [task.data, str(directory)])
        text = units.task_text(common, str(directory), task.limit)
        variables = units.variables_text(task.environment, task.secrets)
        with self._locked():
            if self.task(task.place, task.key).state is not TaskState.ABSENT:
                return
            self._ground(task.place, task.data, "", task.log)
            places.make_data(directory, places.make_user(task.place))
            self._put(unit, text, variables)
            systemctl.begin(unit)

    def task(self, place: Place, key: str) -> TaskSeen:
        """How far a task got. Raises Unknown when only systemd could say and does not."""
        directory, unit = tasks.directory(self._home, place, key), names.task_unit(place, key)
        if over := tasks.outcome(directory):
            return over
        at_work = False
        if (UNITS / unit).exists():
            at_work = look.at_work(systemctl.show([unit], look.PROPERTIES)[unit])
        since = tasks.claimed(directory)
        if at_work:
            return TaskSeen(TaskState.RUNNING, since=since or time.time())
        # It may have ended while we asked.
        gone = TaskSeen(TaskState.LOST, since=since) if since else TaskSeen(TaskState.ABSENT)
        return tasks.outcome(directory) or gone

    def strays(self, place: Place) -> tuple[int, ...]:
        """Processes in the place's slice, or of its user, that no unit of it accounts for."""
        shown = self._shown(place)
        return strays(place, {unit for unit, seen in shown.items() if look.at_work(seen)})

    def end_stray(self, place: Place, pid: int) -> None:
        """SIGTERM, and SIGKILL when it was asked before. Refused for any other process."""
        begun = born(pid)
        if pid not in self.strays(place):
            if not begun:
                return
            raise Refused(f"not a stray of {place}: process {pid}", "fairlead drift lists them")
        number = signal.SIGKILL if self._told.get(pid) == begun else signal.SIGTERM
        self._told[pid] = begun
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    # What is asked of systemd and of our own files.

    def _shown(self, place: Place) -> dict[str, Properties]:
        found = sorted(path.name for path in UNITS.glob(f"{names.prefix(place)}*.service"))
        return systemctl.show(found, look.PROPERTIES)

    def _process(self, copy: CopyId, unit: str, seen: Properties) -> Process:
        try:
            about = units.about((UNITS / unit).read_text())
        except FileNotFoundError:  # removed by somebody's hand; it runs on all the same
            about = units.About()
        asked = self._asked(unit)
        if asked and look.goes_on(seen):
            systemctl.stop(unit)  # its asker was killed before it asked systemd
        if about.log:
            rotate(Path(about.log))
        return look.process(copy, about, seen, asked, _notes(unit), time.time())

    def _asked(self, unit: str) -> float:
        """When the unit was asked to end, or 0."""
        try:
            return self._mark(unit).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _stays(self, unit: str, seen: Properties, what: str) -> bool:
        """Whether the copy is already under way; raises when it cannot be."""
        if seen["LoadState"] == "masked" and not look.at_work(seen):
            raise Refused(f"somebody masked the unit of {what}: {unit}", f"systemctl unmask {unit}")
        if not look.at_work(seen):
            return False
        if self._asked(unit) and (seen["ActiveState"] != "active" or look.queued(seen)):
            raise FairleadError(f"still stopping: {what}", "try again once it has ended")
        self._link(unit)
        return True

    # What is written.

    def _unit(
        self, asked: Launch | Task, unit: str, title: str, stop: int, writes: list[str]
    ) -> Unit:
        argv = units.checked_argv(asked.argv)
        for text in argv:
            checked(text, "a word of a command")
        program = _program(argv[0], asked.environment.get("PATH", _DEFAULT_PATH), asked.directory)
        ground = Ground(
            hidden=str(self._home.root),
            read=_named(asked, str(self._home.store)),
            write=tuple(path for path in writes if path),
        )
        return Unit(
            place=asked.place,
            title=title,
            program=program,
            argv=argv,
            directory=asked.directory,
            variables=str(self._variables(unit)),
            log=asked.log,
            stop=stop,
            ground=ground,
            limits=self._limits_of(asked),
        )

    def _limits_of(self, asked: Launch | Task) -> Limits:
        """A copy's own limits go before those for all."""
        if isinstance(asked, Task):
            return self._limits
        own = {"memory": asked.memory, "tasks": asked.tasks}
        given = {name: limit for name, limit in own.items() if limit}
        return msgspec.structs.replace(self._limits, **given)

    def _ground(self, place: Place, data: str, socket: str, log: str) -> None:
        """The user and the directories that a process of the place needs."""
        owner = places.make_user(place)
        if data:
            places.make_data(Path(data), owner)
        if socket:
            places.make_sockets(place, Path(socket).parent, owner, self._proxy_group)
        Path(log).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _link(self, unit: str) -> None:
        """Have the copy started at boot, and no longer asked to end."""
        target = UNITS / names.TARGET
        if not target.exists():
            write(target, _TARGET)
            point(UNITS / "multi-user.target.wants" / names.TARGET, target)
        point(self._wanted(unit), UNITS / unit)
        self._mark(unit).unlink(missing_ok=True)

    def _put(self, unit: str, text: str, variables: str) -> bool:
        """Write a unit and its environment; whether the unit's text is another than before."""
        write_whole(self._variables(unit), variables.encode())
        return renew(UNITS / unit, text)

    def _begin(self, unit: str, seen: Properties, changed: bool, notify: bool) -> None:
        """Start a copy's unit. systemd reads the file of a unit it does not know by itself.

        Of one that says by itself when it has started, no more than its process is waited for.
        """
        if seen["ActiveState"] == "failed":
            systemctl.forget_failure(unit)
        if changed and seen["LoadState"] != "not-found":
            systemctl.reload()
        # systemd 252 leaves it when it is told to stop a copy that waits for its next try.
        shutil.rmtree(_runtime_directory(unit), ignore_errors=True)
        try:
            (_start if notify else systemctl.start)(unit)
        except systemctl.Declined as declined:
            self._explain(unit, declined)

    def _explain(self, unit: str, declined: systemctl.Declined) -> None:
        """A copy that began and ended is shown as crashed; anything else is said."""
        seen = systemctl.show([unit], look.PROPERTIES)[unit]
        if look.at(seen["ExecMainStartTimestamp"]):
            return
        self._clear_now(unit, seen)
        raise FairleadError(declined.what, f"systemctl status {unit}") from declined

    def _clear(self, unit: str) -> None:
        """Remove what there is of a copy that has ended; one that was started meanwhile stays.

        While the machine goes down nothing is removed: it is to start again with it.
        """
        with self._locked():
            seen = systemctl.show([unit], look.PROPERTIES)[unit]
            asked = self._asked(unit)
            if look.ended(seen, asked) and (asked or not systemctl.stopping()):
                self._clear_now(unit, seen)

    def _clear_now(self, unit: str, seen: Properties) -> None:
        path = UNITS / unit
        if not path.is_symlink():  # masked by hand: not ours
            self._clear_socket(unit, path)
            path.unlink(missing_ok=True)
        self._wanted(unit).unlink(missing_ok=True)
        self._variables(unit).unlink(missing_ok=True)
        if seen["ActiveState"] == "failed":
            systemctl.forget_failure(unit)
        self._mark(unit).unlink(missing_ok=True)

    def _clear_socket(self, unit: str, path: Path) -> None:
        """A socket of the copy's own, or one that nobody is to take over, goes with it."""
        about = units.about(path.read_text()) if path.exists() else units.About()
        own = "" if about.socket else units.socket_of(about.address)
        if own:
            Path(own).unlink(missing_ok=True)
        elif about.socket and self._asked(unit) and self._mark(unit).read_bytes() != _KEEP:
            sockets.drop(about.socket)

    def _forget_task(self, unit: str, seen: Properties) -> None:
        """Remove the unit of a task that is over; its outcome stays."""
        if look.at_work(seen):
            return
        with self._locked():
            if not look.at_work(systemctl.show([unit], look.PROPERTIES)[unit]):
                (UNITS / unit).unlink(missing_ok=True)
                self._variables(unit).unlink(missing_ok=True)

    def _variables(self, unit: str) -> Path:
        return self._own / f"{unit}.env"

    def _mark(self, unit: str) -> Path:
        return self._own / f"{unit}.stop"

    def _wanted(self, unit: str) -> Path:
        return UNITS / f"{names.TARGET}.wants" / unit

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time on this machine."""
        self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._own / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _ways(launch: Launch) -> Ways:
    socket = names.socket_unit(launch.place, launch.copy.role) if launch.socket else ""
    return Ways(launch.notify, launch.watchdog, socket)


def _start(unit: str) -> None:
    """Start a unit, and wait for its process or its end, not for its word that it has started."""
    systemctl.begin(unit)
    deadline = time.monotonic() + systemctl.LIMIT
    while time.monotonic() < deadline:
        seen = systemctl.show([unit], look.PROPERTIES)[unit]
        if seen["MainPID"] != "0":
            return
        if not look.at_work(seen):
            break
        time.sleep(_LOOK_EVERY)
    raise systemctl.Declined(f"systemd did not start {unit}", f"systemctl status {unit}")


def _runtime_directory(unit: str) -> Path:
    """What systemd makes for RuntimeDirectory=."""
    return Path("/run") / unit.removesuffix(".service")


def _notes(unit: str) -> look.Notes:
    directory = _runtime_directory(unit)
    ended, when = tasks.read_small(directory / "ended") or ("", 0.0)
    return look.Notes(ended, when, os.path.lexists(directory / "waiting"))


def _named(asked: Launch | Task, store: str) -> tuple[str, ...]:
    """The entries of the store (its release, what that depends on) that a process names."""
    texts = [asked.directory, *asked.argv, *asked.environment.values()]
    parts = [part for text in texts for part in text.split(":") if part.startswith(f"{store}/")]
    found = {"/".join(part.removeprefix(f"{store}/").split("/")[:2]) for part in parts}
    return tuple(f"{store}/{entry}" for entry in sorted(found))


def _program(name: str, search: str, directory: str) -> str:
    """The path of a program, as execvp(3) would find it, also when there is nothing there."""
    if "/" in name:
        return os.path.join(directory, name)
    first = search.split(":", maxsplit=1)[0] or "/usr/bin"
    return shutil.which(name, path=search) or f"{first}/{name}"
