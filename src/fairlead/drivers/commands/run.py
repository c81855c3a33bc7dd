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

from fairlead.base.stop import Stop
from fairlead.base.text import printable
from fairlead.checks.ports import Command, Exit, Sink
from fairlead.drivers.commands.log import LOG_LIMIT, Log

_KEEPER = str(Path(__file__).with_name("keeper.py"))
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 16
# The keeper has ended everything it could; a pipe still open is held by what is out of reach.
_DRAIN = 2.0
_LOOK_EVERY = 0.1
_WATCH_LOST = "the process that watched it was killed"


class Commands:
    """Runs commands. ``grace`` is the time, in seconds, between SIGTERM and SIGKILL."""

    def __init__(
        self, grace: float = 5.0, log_limit: int = LOG_LIMIT, stops: tuple[Stop, ...] = ()
    ) -> None:
        self._grace = grace
        self._log_limit = log_limit
        self._stops = stops

    def until(self, stop: Stop) -> "Commands":
        """See ``fairlead.checks.ports.Runner``."""
        return Commands(self._grace, self._log_limit, (*self._stops, stop))

    def run(self, command: Command, show: Sink) -> Exit:
        """See ``fairlead.checks.ports.Runner``. About 20 ms more than the command itself."""
        began = time.monotonic()
        with Log(command.log, self._log_limit) as log:
            try:
                said = self._kept(command, _Lines(log, show))
            except (OSError, ValueError) as error:  # no such directory; a NUL in an argument
                return Exit(started=False, detail=_plain(error), as_root=os.geteuid() == 0)
            return _exit(said, time.monotonic() - began, log.cut, stopped=self._stopped())

    def _stopped(self) -> bool:
        return any(stop.is_set() for stop in self._stops)

    def _kept(self, command: Command, lines: "_Lines") -> bytes:
        with _keeper(command, self._grace) as keeper:
            said = _pump(keeper, lines, self._stopped if self._stops else None)
        lines.end()
        return said


class _Keeper(NamedTuple):
    process: subprocess.Popen[bytes]
    output: int
    status: int


@contextmanager
def _keeper(command: Command, grace: float) -> Iterator[_Keeper]:
    """A running keeper; when the block is left, however, the command is ended and it is gone."""
    status, said = os.pipe()
    life, alive = os.pipe()
    times = (str(command.limit), str(grace), str(command.nice))
    argv = [sys.executable, "-I", "-S", _KEEPER, str(said), str(life), *times, *command.argv]
    try:
        process = subprocess.Popen(
            argv,
            cwd=command.directory,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(said, life),
            start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on
        )
    except BaseException:
        for descriptor in (status, said, life, alive):
            os.close(descriptor)
        raise
    os.close(said)
    os.close(life)
    assert process.stdout is not None
    try:
        yield _Keeper(process, process.stdout.fileno(), status)
    finally:
        os.close(alive)
        os.close(status)
        process.stdout.close()
        process.wait()


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


def _exit(said: bytes, seconds: float, cut: bool, *, stopped: bool) -> Exit:
    as_root = os.geteuid() == 0
    if not said:
        detail = "stopped: its end is of no more use" if stopped else _WATCH_LOST
        return Exit(seconds=seconds, lost=True, as_root=as_root, log_cut=cut, detail=detail)
    code, number, timed_out, left, problem = said.decode(errors="replace").split("\n", 4)
    return Exit(
        code=int(code),
        seconds=seconds,
        started=not problem,
        timed_out=timed_out == "1",
        signal=int(number),
        left=int(left),
        as_root=as_root,
        log_cut=cut,
        detail=problem,
    )


def _plain(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)


class _Lines:
    """Bytes in, printable lines out; the bytes as they came go to the log."""

    def __init__(self, log: Log, show: Sink) -> None:
        self._log = log
        self._show = show
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        self._log.write(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._show(printable(line.decode(errors="replace")))
        if len(self._rest) > _LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """Show the last line, which has no end."""
        if self._rest:
            self._show(printable(self._rest.decode(errors="replace")))
        self._rest = b""
