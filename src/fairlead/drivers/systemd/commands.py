"""Short commands of the team's on a server: each as a task of its place, so as the place's user."""

import math
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from fairlead.base.errors import FairleadError
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.base.secret import Secret
from fairlead.drivers.systemd import tasks
from fairlead.drivers.systemd.runtime import SystemdRuntime
from fairlead.rollout.ports import Asked, Task, TaskState

_LOOK_EVERY = 0.02
_PATIENCE = 15.0  # seconds systemd may take to end what is past its limit
_KEPT = 8192  # bytes of the end of what it printed


class PlaceCommands:
    """The rollout's ``Commands`` port. Nothing of a command is left behind."""

    def __init__(self, home: Home, runtime: SystemdRuntime) -> None:
        self._home = home
        self._runtime = runtime

    def ask(
        self,
        place: Place,
        argv: tuple[str, ...],
        directory: str,
        environment: Mapping[str, str],
        limit: float,
        secrets: Mapping[str, Secret],
    ) -> Asked:
        """Run it; 124 past its limit or when nobody can say, 127 when it could not be started."""
        key = f"ask-{os.urandom(8).hex()}"
        log = self._home.log(place, key)
        task = Task(
            place, key, argv, directory, environment, str(log), max(1, math.ceil(limit)),
            secrets, str(self._home.data(place)),
        )  # fmt: skip
        try:
            self._runtime.run(task)
            return Asked(self._ended(task), _end_of(log))
        except FairleadError as error:
            return Asked(127, error.what)
        finally:
            log.unlink(missing_ok=True)
            shutil.rmtree(tasks.directory(self._home, place, key), ignore_errors=True)

    def _ended(self, task: Task) -> int:
        deadline = time.monotonic() + task.limit + _PATIENCE
        while time.monotonic() < deadline:
            seen = self._runtime.task(task.place, task.key)
            if seen.state is TaskState.EXITED:
                return seen.exit
            if seen.state is TaskState.LOST:
                break
            time.sleep(_LOOK_EVERY)
        return tasks.PAST_LIMIT


def _end_of(log: Path) -> str:
    """The last of what it printed."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _KEPT))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
