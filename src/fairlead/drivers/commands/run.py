"""The ``Runner`` of this machine: one keeper process per command, its output read here."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from fairlead.base.errors import NotFound, Refused
from fairlead.base.room import megabytes
from fairlead.base.stop import Stop
from fairlead.base.text import printable
from fairlead.checks.ports import Command, Exit, Over, Sink
from fairlead.drivers.commands.handover import give, take
from fairlead.drivers.commands.identity import Identity, identity_of, mounts
from fairlead.drivers.commands.log import LOG_LIMIT, Log

# The keeper is a package of its own: it must not pay for what ours imports.
_KEEPER = (
    f"import sys; sys.path.append({str(Path(__file__).parents[3])!r}); "
    "from fairlead.drivers._keeper.main import main; sys.exit(main(sys.argv[1:]))"
)
_NO_CELL = ("-1", "-1")
_NOBODY, _PROGRAMS, _TRIAL = "nobody", ("/opt",), 10.0
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 16
_MOST_LINES = 50_000
_MOST_SHOWN = 4_000_000
_LAST = 8_000
# The keeper has ended everything it could; a pipe still open is held by what is out of reach.
_DRAIN = 2.0
_LOOK_EVERY = 0.1
_WATCH_LOST = "the process that watched it was killed"


class Commands:
    """Runs commands. ``grace`` is the time, in seconds, between SIGTERM and SIGKILL.

    With an ``identity``, which takes root, each runs as that user, in a cell of its own (see
    ``drivers/_keeper``); else as who we are.
    """

    def __init__(
        self,
        grace: float = 5.0,
        log_limit: int = LOG_LIMIT,
        stops: tuple[Stop, ...] = (),
        identity: Identity | None = None,
    ) -> None:
        self._grace = grace
        self._log_limit = log_limit
        self._stops = stops
        self._identity = identity

    def until(self, stop: Stop) -> "Commands":
        """See ``fairlead.checks.ports.Runner``."""
        return Commands(self._grace, self._log_limit, (*self._stops, stop), self._identity)

    def run(self, command: Command, show: Sink) -> Exit:
        """See ``fairlead.checks.ports.Runner``. About 20 ms more than the command; 30 in a cell."""
        began = time.monotonic()
        as_root = self._identity is None and os.geteuid() == 0
        with Log(command.log, self._log_limit) as log:
            try:
                said = self._kept(command, _Lines(log, show))
            except (OSError, ValueError, Refused) as error:  # no such directory; a NUL somewhere
                return Exit(started=False, detail=_plain(error), as_root=as_root)
            end = _exit(said, stopped=self._stopped())
            end = self._taken(command, end)
            seconds = time.monotonic() - began
            return replace(end, seconds=seconds, as_root=as_root, log_cut=log.cut)

    def _stopped(self) -> bool:
        return any(stop.is_set() for stop in self._stops)

    def _kept(self, command: Command, lines: "_Lines") -> bytes:
        """What the keeper said; b"" unless it ended well, and all of the command with it."""
        cell = (*_NO_CELL, *(f"w{path}" for path in command.writes))
        if self._identity is not None:
            cell = (str(self._identity.uid), str(self._identity.gid))
            cell += mounts(self._identity, command)
            for directory in command.writes:
                give(directory, self._identity.uid, self._identity.gid)
        with _keeper(command, self._grace, cell) as keeper:
            said = _pump(keeper, lines, self._stopped if self._stops else None)
        lines.end()
        return said if keeper.process.returncode == 0 else b""

    def _taken(self, command: Command, end: Exit) -> Exit:
        """The end, when what it wrote could be made ours. What a lost command wrote stays its
        own: it may still be running."""
        if self._identity is None or end.lost:
            return end
        try:
            for directory in command.writes:
                take(directory)
        except (OSError, Refused) as error:
            return Exit(lost=True, detail=_plain(error))
        return end


def stand_in() -> Identity | None:
    """Who runs what a change brings, in a cell, where nobody made a user for that: as root nobody,
    else who we are. None where the system (a container) lets us make no cell."""
    try:
        identity = identity_of(_NOBODY, _PROGRAMS)
    except (NotFound, Refused):
        return None
    if os.geteuid() != 0:
        identity = Identity(os.geteuid(), os.getegid(), _PROGRAMS)
    tried = Command(("true",), "/", {"PATH": "/usr/bin:/bin"}, _TRIAL)
    return identity if Commands(identity=identity).run(tried, lambda _: None).well else None


class _Keeper(NamedTuple):
    process: subprocess.Popen[bytes]
    output: int
    status: int


@contextmanager
def _keeper(command: Command, grace: float, cell: tuple[str, ...]) -> Iterator[_Keeper]:
    """A running keeper; when the block is left, however, the command is ended and it is gone."""
    words = _environment(command)
    status, said = os.pipe()
    life, alive = os.pipe()
    descriptors = (said, life, words)
    times = (command.limit, grace, command.nice)
    most = (int(command.network), command.memory, command.processes, command.disk)
    numbers = (str(number) for number in (*descriptors, *times, *most))
    told = (*numbers, *cell, "--", *command.argv)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _KEEPER, *told],
            cwd=command.directory,
            env={},  # the keeper may be root: what an app sets is not for its loader to read
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on
        )
    except BaseException:
        for descriptor in (status, alive, *descriptors):
            os.close(descriptor)
        raise
    for descriptor in descriptors:
        os.close(descriptor)
    assert process.stdout is not None
    try:
        yield _Keeper(process, process.stdout.fileno(), status)
    finally:
        os.close(alive)
        os.close(status)
        process.stdout.close()
        process.wait()


def _environment(command: Command) -> int:
    """The command's environment in a file without a name: arguments can be read by anybody."""
    pairs = (f"{name}={value}" for name, value in command.environment.items())
    words = os.memfd_create("environment")
    with os.fdopen(words, "wb", closefd=False) as file:
        file.write(b"\0".join(os.fsencode(pair) for pair in pairs))
    os.lseek(words, 0, os.SEEK_SET)
    return words


def _pump(keeper: _Keeper, lines: "_Lines", stopped: Callable[[], bool] | None) -> bytes:
    """Read output and status until both end, or until ``stopped``; what the status said."""
    said = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(keeper.output, selectors.EVENT_READ)
        waiting.register(keeper.status, selectors.EVENT_READ)
        deadline: float | None = None
        while waiting.get_map():
            if stopped and stopped():
                return b""
            left = None if deadline is None else deadline - time.monotonic()
            events = waiting.select(_wait(left, looking=stopped is not None))
            if not events and left is not None and left <= 0:
                break
            for key, _ in events:
                data = os.read(key.fd, _CHUNK)
                if not data:
                    waiting.unregister(key.fd)
                if key.fd == keeper.output:
                    lines.feed(data)
                elif not data:
                    deadline = time.monotonic() + _DRAIN
                else:
                    said += data
    return said


def _wait(left: float | None, *, looking: bool) -> float | None:
    """How long to wait for output: to the deadline, and no longer than a look is due."""
    if not looking:
        return left
    return _LOOK_EVERY if left is None else min(left, _LOOK_EVERY)


def _exit(said: bytes, *, stopped: bool) -> Exit:
    if not said:
        detail = "stopped: its end is of no more use" if stopped else _WATCH_LOST
        return Exit(lost=True, detail=detail)
    code, number, timed_out, left, online, over, problem = (
        said.decode(errors="replace").split("\n", 6)
    )  # fmt: skip
    return Exit(
        code=int(code),
        started=bool(over) or not problem,
        timed_out=timed_out == "1",
        signal=int(number),
        left=int(left),
        detail=problem,
        over=Over(over) if over else None,
        network_on=online == "1",
    )


def _plain(error: OSError | ValueError | Refused) -> str:
    if isinstance(error, Refused):
        return error.what
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)


class _Lines:
    """Bytes in, printable lines out; the bytes as they came go to the log.

    Who prints without end must not keep us busy: after so many lines or bytes only the last ones
    are shown, when it has ended.
    """

    def __init__(self, log: Log, show: Sink) -> None:
        self._log = log
        self._show = show
        self._rest = b""
        self._lines, self._room = _MOST_LINES, _MOST_SHOWN
        self._unseen = 0

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        self._log.write(data)
        if self._full:
            self._rest = (self._rest + data)[-_LAST:]
            self._unseen += len(data)
            return
        self._room -= len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._say(line)
        if len(self._rest) > _LONGEST_LINE:
            self._say(self._rest)
            self._rest = b""

    @property
    def _full(self) -> bool:
        return self._lines <= 0 or self._room <= 0

    def _say(self, line: bytes) -> None:
        self._lines -= 1
        self._show(printable(line.decode(errors="replace")))

    def end(self) -> None:
        """Show the last line, which has no end; of what was not shown, the last lines."""
        if self._unseen > _LAST:
            self._show(f"… {megabytes(self._unseen - _LAST)} of output are not shown …")
            self._rest = self._rest.partition(b"\n")[2] or self._rest
        if self._rest:
            for line in self._rest.removesuffix(b"\n").split(b"\n"):
                self._say(line)
        self._rest = b""
