"""The runtime on a booted server, seen from within it."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from contracts.runtime import COPY, PLACE, until
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers._proc import born
from fairlead.drivers.systemd import Limits, SystemdRuntime, names, places
from fairlead.drivers.systemd.files import UNITS
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Launch, Task

PATH = {"PATH": "/usr/bin:/bin"}
HOME = Path("/var/lib/fairlead")
# Without these systemctl cannot ask: systemd's own socket, and the bus.
DOORS = (Path("/run/systemd/private"), Path("/run/dbus/system_bus_socket"))


UNITS_OF_OURS = ("fairlead-*.service", "fairlead-*.socket")


class ServerWorld:
    """A home on the server, and nothing of it left from the test before."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.home = Home(HOME)
        self.runtime = SystemdRuntime(self.home, limits=limits)
        self.started: list[subprocess.Popen[bytes]] = []

    def launch(self, *argv: str, copy: CopyId = COPY, place: Place = PLACE, **more: str) -> Launch:
        return Launch(
            place=place,
            copy=copy,
            argv=argv,
            directory="/",
            environment={**PATH, **more},
            log=str(self.home.log(place, f"{copy.role}.{copy.number}")),
            address=f"unix//run/fairlead/{place.app}.{place.environment}/{copy.number}.sock",
            stop=5,
            data=str(self.home.data(place)),
        )

    def lasting(self, place: Place = PLACE, copy: CopyId = COPY) -> Launch:
        return self.launch("sleep", "600", copy=copy, place=place)

    def missing(self) -> Launch:
        return self.launch("/nonesuch")

    def task(self, key: str, exits: int = 0, place: Place = PLACE) -> Task:
        return self.script(key, f"echo {key}; exit {exits}", place)

    def script(self, key: str, script: str, place: Place = PLACE, limit: int = 60) -> Task:
        log = str(self.home.log(place, "task"))
        data = str(self.home.data(place))
        return Task(place, key, ("sh", "-c", script), "/", PATH, log, limit, data=data)

    def runs(self, key: str) -> int:
        return Path(self.task(key).log).read_text().splitlines().count(key)

    def pid(self, copy: CopyId = COPY, place: Place = PLACE) -> int:
        return next(p.pid for p in self.runtime.processes(place) if p.copy == copy)

    def crash(self, copy: CopyId) -> None:
        os.kill(self.pid(copy), signal.SIGKILL)

    def stray(self) -> int:
        user = str(places.make_user(PLACE).pw_uid)
        argv = ["setpriv", "--reuid", user, "--clear-groups", "sleep", "600"]
        made = subprocess.Popen(argv)
        self.started.append(made)
        until(lambda: Path(f"/proc/{made.pid}/comm").read_text() == "sleep\n")
        return made.pid

    def down(self) -> None:
        for door in DOORS:
            door.rename(f"{door}.away")

    def log(self, copy: CopyId = COPY) -> str:
        path = Path(self.launch("x", copy=copy).log)
        return path.read_text() if path.exists() else ""

    def output(self, *argv: str, place: Place = PLACE, **more: str) -> str:
        """What a command says that runs as a copy does and then lasts."""
        launch = self.launch(*argv, place=place, **more)
        Path(launch.log).unlink(missing_ok=True)
        self.runtime.start(launch)
        until(lambda: "done\n" in Path(launch.log).read_text())
        self.runtime.stop(place, COPY)
        until(lambda: self.runtime.processes(place) == ())
        return Path(launch.log).read_text().removesuffix("done\n")

    def said(self, script: str, place: Place = PLACE, **more: str) -> str:
        """The same for a shell script."""
        body = f"( {script}\n) 2>&1; echo done; exec sleep 600"
        return self.output("sh", "-c", body, place=place, **more)

    def reset(self) -> None:
        """Nothing runs, nothing is remembered, systemd answers."""
        for door in DOORS:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{door}.away").rename(door)
        while self.started:
            process = self.started.pop()
            process.kill()
            process.wait()
        units = [path.name for path in UNITS.glob("fairlead-*.*")]
        for unit in units:
            (UNITS / unit).unlink()
        loaded = subprocess.run(
            ["systemctl", "list-units", "--all", "--plain", "--no-legend", *UNITS_OF_OURS],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        left = [line.split()[0] for line in loaded]
        if left:
            subprocess.run(["systemctl", "kill", "--signal=KILL", *left], capture_output=True)
            subprocess.run(["systemctl", "stop", *left], capture_output=True)
        if left or units:
            subprocess.run(["systemctl", "daemon-reload"], check=True)
            subprocess.run(["systemctl", "reset-failed"], check=True)
        for directory in (HOME, UNITS / f"{names.TARGET}.wants"):
            shutil.rmtree(directory, ignore_errors=True)
        HOME.mkdir(mode=0o700)


def alive(pid: int) -> bool:
    """Whether a process has not ended."""
    return born(pid) != ""
