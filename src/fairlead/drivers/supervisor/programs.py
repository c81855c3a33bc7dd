"""Programs put under the supervisor, ended and cleared away: copies, tasks and services alike."""

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.paths import Home
from fairlead.drivers.supervisor import daemon, layout, look, proc
from fairlead.drivers.supervisor.launch import read_state
from fairlead.drivers.supervisor.rpc import BAD_NAME, Fault, Rpc
from fairlead.rollout.ports import ProcessState

_LET_GO_LIMIT = 3.0  # seconds for a killed program to be reaped
_TAKE_OVER_LIMIT = 5.0  # seconds for what a dead supervisor left of a service to end
_NOT_WAITING = False  # the wait parameter of startProcess and stopProcess

Info = Mapping[str, Any]
"""What ``supervisor.getProcessInfo`` answers."""


class Programs:
    """The programs of one home. Whatever changes them holds the home's lock."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.rpc = Rpc(home.supervisor_socket)

    @property
    def log(self) -> Path:
        """The supervisor's own log."""
        return self.home.logs / "supervisor.log"

    def infos(self) -> dict[str, Info]:
        """What the supervisor says of every program, by name. Raises Unknown."""
        return {info["name"]: info for info in self.rpc.call("supervisor.getAllProcessInfo")}

    def info(self, name: str) -> Info | None:
        """What the supervisor says of one, None when it knows none. Raises Unknown."""
        try:
            found: Info = self.rpc.call("supervisor.getProcessInfo", name)
        except Fault as fault:
            if fault.code == BAD_NAME:
                return None
            raise Unknown(f"the supervisor refused: {fault}", f"see {self.log}") from fault
        return found

    def directory(self, name: str) -> Path:
        """A program's directory."""
        return layout.programs(self.home) / name

    def directories(self, prefix: str) -> list[Path]:
        """The directories of the programs whose names begin so."""
        return list(layout.programs(self.home).glob(f"{prefix}*"))

    def see(self, directory: Path, info: Info | None) -> tuple[layout.About, look.Sight] | None:
        """A program's state; None when there is none, or it ended as asked (then it is cleared)."""
        about = layout.about(directory)
        if about is None or info is None:
            return None
        sight = look.see(directory, info, self.log)
        if sight.ended:
            self.forget(directory, about)
            return None
        self._press(directory, about, sight)
        return about, sight

    def begin(self, program: layout.Program, what: str) -> None:
        """Put a program under the supervisor unless it is there; its process exists on return.

        Raises FairleadError when it is still stopping or cannot be started.
        """
        with daemon.locked(self.home):
            info = self.info(program.name)
            if info is not None and self._stays(info, program, what):
                return
            if info is None and program.about.kind == "service":
                self._take_over(program.about.key)
            self._remove(program.name, known=info is not None)
            layout.refresh(self.home)
            layout.put(self.home, program)
            with layout.offered(self.home, program):
                self._add(program.name)

    def stop(self, name: str) -> None:
        """Ask a program to end, for good. Does not wait; one that is not there is fine."""
        with daemon.locked(self.home):
            if self.info(name) is None:
                return
            asked = self.directory(name) / "stop"
            if not asked.exists():
                asked.touch(mode=0o600)
            self._ask(name)
            info = self.info(name)
            # Between two tries there is no process to ask, and the next try would come.
            if info is not None and info["state"] in look.DOWN:
                self._remove(name)

    def forget(self, directory: Path, about: layout.About) -> None:
        """Clear away a program that has ended; one that was started anew meanwhile stays."""
        with daemon.locked(self.home):
            try:
                self.rpc.call("supervisor.removeProcessGroup", directory.name)
            except Fault as fault:
                if fault.code != BAD_NAME:
                    return
            self._clear(directory)

    def _stays(self, info: Info, program: layout.Program, what: str) -> bool:
        """Whether the program is already under way; raises when it is on its way out."""
        if program.about.kind == "task":
            return info["state"] in look.ALIVE
        directory = self.directory(program.name)
        sight = look.see(directory, info, self.log)
        if sight.ended or sight.gave_up:
            return False
        if sight.state is ProcessState.STOPPING:
            raise FairleadError(f"still stopping: {what}", "try again once it has ended")
        (directory / "stop").unlink(missing_ok=True)  # its asker was killed before it asked
        if program.about.kind == "service":
            layout.put(self.home, program)
        return True

    def _add(self, name: str) -> None:
        answers = self.rpc.several(
            [
                ("supervisor.reloadConfig", ()),
                ("supervisor.addProcessGroup", (name,)),
                ("supervisor.startProcess", (name, _NOT_WAITING)),
            ]
        )
        fault = next((answer for answer in answers if isinstance(answer, Fault)), None)
        if fault is not None:
            self._remove(name)
            raise FairleadError(f"the supervisor cannot start it: {fault}", f"see {self.log}")

    def _ask(self, name: str) -> None:
        with contextlib.suppress(Fault):  # refused when it is stopping already, or is between tries
            self.rpc.call("supervisor.stopProcess", name, _NOT_WAITING)

    def _remove(self, name: str, *, known: bool = True) -> None:
        """Take a program out by force, with all that is left of it."""
        left = look.rest(read_state(str(self.directory(name))))
        with contextlib.suppress(FileNotFoundError):
            (self.directory(name) / "stop").touch(mode=0o600)
        deadline = time.monotonic() + _LET_GO_LIMIT
        while known and not self._removed(name):
            proc.signal_all(left, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise FairleadError(f"the supervisor does not let go of {name}", "try again")
            time.sleep(0.005)
        proc.signal_all(left, signal.SIGKILL)
        self._clear(self.directory(name))

    def _removed(self, name: str) -> bool:
        try:
            self.rpc.call("supervisor.removeProcessGroup", name)
        except Fault as fault:
            if fault.code == BAD_NAME:
                return True
            self._ask(name)
            return False
        return True

    def _clear(self, directory: Path) -> None:
        about = layout.about(directory)
        layout.remove(directory)
        if about and (socket := layout.socket_of(about.address)):
            Path(socket).unlink(missing_ok=True)

    def _press(self, directory: Path, about: layout.About, sight: look.Sight) -> None:
        """End the children of a main process that has ended: asked once, then by force."""
        if not sight.rest:
            return
        if time.time() > sight.since + about.stop:
            proc.signal_all(sight.rest, signal.SIGKILL)
        elif not (directory / "rest").exists():
            proc.signal_all(sight.rest, signal.SIGTERM)
            (directory / "rest").touch(mode=0o600)

    def _take_over(self, service: str) -> None:
        """End what carries a service's mark and no supervisor watches: it holds the ports."""
        mark = os.fsencode(service)
        marked = daemon.marked(self.home)
        left = [pid for pid in marked if proc.marks(pid).get(proc.MARK_SERVICE) == mark]
        proc.signal_all(left, signal.SIGTERM)
        deadline = time.monotonic() + _TAKE_OVER_LIMIT
        while left and time.monotonic() < deadline:
            time.sleep(0.01)
            left = [pid for pid in left if proc.find(pid)]
        proc.signal_all(left, signal.SIGKILL)
