"""The small program that every copy, service and task begins as, and that becomes it.

The supervisor runs ``python -I -S -B launch.py DIRECTORY``. The directory holds ``spec``: what
to run, with its whole environment, readable by its owner only. So no command, path or secret
of a user's ever passes through the supervisor's configuration, its quoting, or an argument list.

A *copy* is exec'd: its process keeps the id that the supervisor watches. Before that this
program writes ``state``, which makes counting crashes exact (every try passes through here,
also those made while nobody looks), and waits out the back-off:

    the 1st quick crash in a row is retried at once, the n-th after 0.2 * 2**(n-2) s, at most 30 s;
    a run of 60 s or more begins the row anew. It never gives up on a program that starts;
    it gives up at once on one that cannot be executed, and then waits to be asked to end.

A *listening* copy is handed its socket, as systemd does (sd_listen_fds(3)).

A *task* is watched instead: it runs once (``claim`` is created exclusively), is ended past its
limit, and its exit is in ``outcome`` before this program ends.

It stands alone (this file is copied beside the supervisor's files, so that an upgrade of
Fairlead does not pull it from under running copies) and imports only what starts in
milliseconds, hence ``_signal`` (the C half of ``signal``, without its enums).
"""

import _signal  # type: ignore[import-not-found]
import _socket
import os
import sys
import time

QUICK = 60.0
"""A run of fewer seconds counts as a quick crash."""
LONGEST = 30.0
"""The longest wait between two tries, in seconds."""
PAST_LIMIT = 124
"""A task's exit code when its limit ended it (as timeout(1) does)."""
_REST = 1.0  # what a crash left of its process group gets this long to end
_GRACE = 5.0  # between SIGTERM and SIGKILL for a task past its limit


class Spec:
    """What to run, as fields joined by NUL: no value of execve(2) can hold one.

    ``beside`` is a copy's socket ("" for none), or the directory of a task's outcome.
    """

    def __init__(self, data: bytes) -> None:
        kind, self.directory, self.beside, limit, count, *rest = data.split(b"\0")
        self.kind = kind.decode()
        self.limit = float(limit)
        self.argv = rest[: int(count)]
        pairs = (pair.partition(b"=") for pair in rest[int(count) :])
        self.environment = {key: value for key, _, value in pairs}


class State:
    """What is known of a copy's tries.

    ``phase`` is waiting, running or cannot; ``since`` (of 1970) is when it began; ``until`` is
    when a wait ends; ``began`` is ``since`` on the monotonic clock; ``group`` is the process
    group, equal to the process id; ``session`` the supervisor's session.
    """

    def __init__(self, text: str = "") -> None:
        head, _, self.detail = text.partition("\n")
        fields = head.split() or ["none", *"0000000"]
        self.phase = fields[0]
        self.crashes, self.streak, self.group, self.session = map(int, fields[1:5])
        self.since, self.began, self.until = map(float, fields[5:8])

    def text(self) -> str:
        """The inverse of the constructor."""
        numbers = (self.crashes, self.streak, self.group, self.session)
        times = (self.since, self.began, self.until)
        return " ".join(map(str, (self.phase, *numbers, *times))) + "\n" + self.detail


def read_state(directory: str) -> State:
    """The state, or one of phase ``none`` when there is none yet."""
    try:
        with open(os.path.join(directory, "state"), encoding="utf-8") as file:
            return State(file.read())
    except FileNotFoundError:
        return State()


def back_off(streak: int) -> float:
    """Seconds to wait after so many quick crashes in a row."""
    if streak <= 1:
        return 0.0
    return float(min(LONGEST, 0.2 * 2 ** min(streak - 2, 20)))


def next_state(old: State, now: float, began: float) -> State:
    """The state of the try that follows ``old``; a try that never ran is not a crash."""
    new = State(old.text())
    if old.phase == "running":
        new.crashes += 1
        new.streak = 1 if began - old.began >= QUICK else old.streak + 1
    new.group, new.session = os.getpid(), os.getsid(0)
    new.phase, new.since, new.began, new.detail = "waiting", now, began, ""
    new.until = now + back_off(new.streak)
    return new


def group_members(group: int, session: int) -> list[int]:
    """Living processes of a group in a session, by proc(5)'s ``stat``."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        fields = stat_fields(int(name))
        if fields and fields[0] not in "ZX" and fields[2:4] == [str(group), str(session)]:
            found.append(int(name))
    return found


def stat_fields(pid: int) -> list[str]:
    """Fields 3 and on of ``/proc/PID/stat`` (state, parent, group, session …); [] when gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _end_rest(old: State) -> None:
    """End what the try before left behind, so that a copy never runs twice at once."""
    if old.phase != "running" or old.group == os.getpid():
        return
    deadline = time.monotonic() + _REST
    left = group_members(old.group, old.session)
    _signal_all(left, _signal.SIGTERM)
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = group_members(old.group, old.session)
    _signal_all(left, _signal.SIGKILL)


def write(path: str, text: str, durable: bool = False) -> None:
    """Replace a file whole."""
    new = f"{path}.{os.getpid()}"
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(file, text.encode("utf-8", "replace"))
    if durable:
        os.fsync(file)
    os.close(file)
    os.rename(new, path)
    if durable:
        sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(file)
    os.close(file)


def _become(spec: Spec) -> None:
    """Turn into the program. Raises OSError when it cannot be executed."""
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python ignores them; exec would keep that
        _signal.signal(number, _signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if spec.kind == "listening":
        _listen(spec)
    os.chdir(spec.directory)
    os.execvpe(spec.argv[0], spec.argv, spec.environment)  # noqa: S606  no shell is the point


def _remove_socket(path: bytes) -> None:
    """A socket that a crash left behind; many servers will not bind over it."""
    if path:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return


def _listen(spec: Spec) -> None:
    """Have the socket listen, and hand it over as descriptor 3, the first one (SD_LISTEN_FDS_START)."""
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    made.bind(spec.beside)
    made.listen(_socket.SOMAXCONN)
    os.dup2(made.detach(), 3)
    os.set_inheritable(3, True)  # dup2 leaves it alone where it is 3 already
    spec.environment |= {b"LISTEN_FDS": b"1", b"LISTEN_PID": str(os.getpid()).encode()}


def _end_if_asked(directory: str) -> None:
    """End when ``stop`` is there. A SIGTERM sent while the supervisor was still between its
    fork and our exec was swallowed by the supervisor's own handler."""
    if os.path.exists(os.path.join(directory, "stop")):
        sys.exit(0)


def run_copy(directory: str, spec: Spec) -> None:
    """Count, wait, become the program; if that cannot be, say so and wait to be ended."""
    path = os.path.join(directory, "state")
    _end_if_asked(directory)
    old = read_state(directory)
    state = next_state(old, time.time(), time.monotonic())
    write(path, state.text())
    _end_rest(old)
    time.sleep(max(0.0, state.began + back_off(state.streak) - time.monotonic()))
    _remove_socket(spec.beside)
    state.phase, state.since, state.began = "running", time.time(), time.monotonic()
    write(path, state.text())
    _end_if_asked(directory)
    try:
        _become(spec)
    except OSError as error:
        state.phase, state.crashes = "cannot", state.crashes + 1
        state.detail = f"{error.strerror}: {_culprit(spec, error)}"
        write(path, state.text())
        print(f"fairlead: cannot run it: {state.detail}", flush=True)  # noqa: T201  the copy's log
    while True:
        _signal.pause()


def _culprit(spec: Spec, error: OSError) -> str:
    """The file an error is about: execve's error names none of its own."""
    named = error.filename if error.filename is not None else spec.argv[0]
    return os.fsdecode(named)


def _claim(directory: str) -> bool:
    """Whether this process is the one that runs the task, now and for ever."""
    path = os.path.join(directory, "claim")
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    os.write(file, f"{os.getpid()} {stat_fields(os.getpid())[19]} {os.getsid(0)}\n".encode())
    os.fsync(file)
    os.close(file)
    sync_directory(directory)
    return True


def _child(spec: Spec, go: int) -> None:
    """The task's own process, in a group of its own; it begins once it is written down."""
    os.setpgid(0, 0)
    try:
        if os.read(go, 1):
            _become(spec)
    except OSError as error:
        detail = f"{error.strerror}: {_culprit(spec, error)}"
        os.write(2, f"fairlead: cannot run it: {detail}\n".encode("utf-8", "replace"))
    finally:
        os._exit(127)


def _fork(spec: Spec, note: str) -> int:
    """Start the command. ``note`` names it before it begins, so that it cannot run unseen."""
    go, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell)  # so that it reads an end, and not for ever, when we are killed now
        _child(spec, go)
    write(note, f"{child} {os.getsid(0)} {time.time() + spec.limit}")
    os.write(tell, b"!")
    os.close(go)
    os.close(tell)
    return child


class _Limit:
    """Ends a process group when its time is up, or when we are asked to end."""

    def __init__(self, group: int, seconds: float) -> None:
        self.group, self.past = group, False
        _signal.signal(_signal.SIGALRM, self._alarm)
        _signal.signal(_signal.SIGTERM, self._asked)
        _signal.setitimer(_signal.ITIMER_REAL, max(seconds, 0.001))

    def _alarm(self, _number: int, _frame: object) -> None:
        number = _signal.SIGKILL if self.past else _signal.SIGTERM
        self.past = True
        self._end(number)

    def _asked(self, _number: int, _frame: object) -> None:
        self._end(_signal.SIGTERM)

    def _end(self, number: int) -> None:
        _signal.setitimer(_signal.ITIMER_REAL, _GRACE)
        try:
            os.killpg(self.group, number)
        except ProcessLookupError:
            return


def _wait(child: int, limit: _Limit) -> int:
    """The exit code of the task; all it left in its group is ended with it."""
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    os.killpg(child, _signal.SIGKILL)  # the child is not reaped yet, so the group is its own
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if limit.past:
        return PAST_LIMIT
    return code if code >= 0 else 128 - code


def run_task(directory: str, spec: Spec) -> None:
    """Run it once, within its limit, and leave the outcome."""
    home = os.fsdecode(spec.beside)
    if not _claim(home):
        return
    os.unlink(os.path.join(directory, "spec"))  # it may hold secrets and is not needed again
    child = _fork(spec, os.path.join(home, "child"))
    code = _wait(child, _Limit(child, spec.limit))
    write(os.path.join(home, "outcome"), f"{code} {time.time()}\n", durable=True)


def main(directory: str) -> None:
    """Run what ``directory``/spec says."""
    home = os.path.join(os.getcwd(), directory)
    with open(os.path.join(home, "spec"), "rb") as file:
        spec = Spec(file.read())
    (run_task if spec.kind == "task" else run_copy)(home, spec)


if __name__ == "__main__":
    main(sys.argv[1])
