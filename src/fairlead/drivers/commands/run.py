"""The ``Runner`` of this machine: one keeper process per command, its output read here."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fairlead.base.text import printable
from fairlead.checks.ports import Command, Exit, Sink
from fairlead.drivers.commands.log import LOG_LIMIT, Log

_KEEPER = str(Path(__file__).with_name("keeper.py"))
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 16
# The keeper has ended everything it could; a pipe still open is held by what is out of reach.
_DRAIN = 2.0


class Commands:
    """Runs commands. ``grace`` is the time, in seconds, between SIGTERM and SIGKILL."""

    def __init__(self, grace: float = 5.0, log_limit: int = LOG_LIMIT) -> None:
        self._grace = grace
        self._log_limit = log_limit

    def run(self, command: Command, show: Sink) -> Exit:
        """See ``fairlead.checks.ports.Runner``. About 20 ms more than the command itself."""
        began = time.monotonic()
        with Log(command.log, self._log_limit) as log:
            try:
                said = self._kept(command, _Lines(log, show))
            except (OSError, ValueError) as error:  # no such directory; a NUL in an argument
                return Exit(started=False, detail=_plain(error), as_root=os.geteuid() == 0)
            return _exit(said, time.monotonic() - began, log.cut)

    def _kept(self, command: Command, lines: "_Lines") -> bytes:
        with _keeper(command, self._grace) as keeper:
            said = _pump(keeper, lines)
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


def _pump(keeper: _Keeper, lines: "_Lines") -> bytes:
    """Read output and status until both end; what the status said."""
    said = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(keeper.output, selectors.EVENT_READ)
        waiting.register(keeper.status, selectors.EVENT_READ)
        deadline: float | None = None
        while waiting.get_map():
            events = waiting.select(None if deadline is None else deadline - time.monotonic())
            if not events:
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


def _exit(said: bytes, seconds: float, cut: bool) -> Exit:
    as_root = os.geteuid() == 0
    if not said:
        detail = "the process that watched it was killed"
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
