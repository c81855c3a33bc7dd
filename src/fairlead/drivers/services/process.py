"""One service as a process that ends with us: a command of a runner that is never to end."""

import threading
import time
from collections import deque
from collections.abc import Callable

from fairlead.base.errors import Unknown
from fairlead.checks.ports import Command, Exit, Runner

PATIENCE = 20.0
"""Seconds in which a service must answer; a machine under load takes several."""
DAY = 86_400.0
MEMORY, PROCESSES, DISK = 1 << 30, 1_000, 8 << 30
"""What one service may use: a test that fills it must not take the machine along."""
_LOOK_EVERY = 0.003
_LAST = 3


class Process:
    """Started at once. ``name`` is for sentences."""

    def __init__(self, runner: Runner, name: str, command: Command) -> None:
        self._name = name
        self._end: Exit | None = None
        self._stop = threading.Event()
        self._said: deque[str] = deque(maxlen=_LAST)
        self._runner = runner.until(self._stop)
        self._thread = threading.Thread(target=self._run, args=(command,), name=name, daemon=True)
        self._thread.start()

    def _run(self, command: Command) -> None:
        self._end = self._runner.run(command, self._said.append)

    def ended(self) -> str:
        """Why it runs no more, or ""."""
        end = self._end
        if end is None:
            return ""
        how = end.detail or (f"signal {end.signal}" if end.signal else f"exit {end.code}")
        said = f": {' / '.join(self._said)}" if self._said else ""
        return f"{self._name} ended ({how}){said}"

    def wait(self, ready: Callable[[], bool]) -> None:
        """Until it is ready. Raises Unknown when it ends first, or takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if self.ended():
                raise Unknown(f"a service could not be started: {self.ended()}")
            if time.monotonic() > deadline:
                said = " / ".join(self._said)
                raise Unknown(f"{self._name} did not answer within {PATIENCE:.0f} s: {said}")
            time.sleep(_LOOK_EVERY)

    def stop(self) -> None:
        """End it, and all it started; returns when it is gone."""
        self._stop.set()
        self._thread.join()
