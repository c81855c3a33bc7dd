"""A service manager that does what systemd does for ``Type=simple`` and ``Restart=always``.

    python service.py run DIRECTORY -- COMMAND …     keep it running, until SIGTERM
    python service.py restart DIRECTORY…             stop it, start it, return; exit code 0

Its times are systemd's defaults (systemd.service(5), systemd-system.conf(5)): SIGTERM, SIGKILL
after 90 s, 100 ms between two tries, and no more tries after five starts in ten seconds. As with
systemd, ``restart`` returns once the new process exists, whether or not it lives.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_LIMIT = 90.0
RESTART_AFTER = 0.1
BURST, INTERVAL = 5, 10.0
LOOK = 0.005


class Service:
    """One service: its process, and how often it was started."""

    def __init__(self, directory: Path, argv: list[str]) -> None:
        self._directory = directory
        self._argv = argv
        self._starts: list[float] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._ended = False

    def run(self) -> None:
        """Keep it running until SIGTERM."""
        signal.signal(signal.SIGHUP, self._ask)
        signal.signal(signal.SIGTERM, self._end)
        (self._directory / "pid").write_text(str(os.getpid()))
        self._start()
        done = 0
        while not self._ended:
            if self._asked != done:
                done = self._asked
                self._stop()
                self._starts.clear()
                self._start()
                self._say(done)
            elif self._process and self._process.poll() is not None:
                self._died()
            time.sleep(LOOK)
        self._stop()

    def _ask(self, *_: object) -> None:
        self._asked += 1

    def _end(self, *_: object) -> None:
        self._ended = True

    def _say(self, done: int) -> None:
        fresh = self._directory / "restarts.new"
        fresh.write_text(str(done))
        fresh.replace(self._directory / "restarts")

    def _start(self) -> None:
        self._starts.append(time.monotonic())
        # "exec" so that a directory named by a symlink is looked up anew at each start.
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=subprocess.STDOUT)

    def _died(self) -> None:
        now = time.monotonic()
        if sum(now - start < INTERVAL for start in self._starts) >= BURST:
            self._process = None  # "start request repeated too quickly": it stays dead
            return
        time.sleep(RESTART_AFTER)
        self._start()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def restarts(directory: Path) -> int:
    """How many restarts were carried out so far."""
    path = directory / "restarts"
    return int(path.read_text()) if path.exists() else 0


def restart(directory: Path) -> None:
    """Ask for a restart and wait until it was done."""
    before = restarts(directory)
    os.kill(int((directory / "pid").read_text()), signal.SIGHUP)
    while restarts(directory) == before:
        time.sleep(LOOK)


def main(words: list[str]) -> int:
    """See the top of this file."""
    if words[0] == "restart":
        for name in words[1:]:
            restart(Path(name))
        return 0
    Service(Path(words[1]), words[3:]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
