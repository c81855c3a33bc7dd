"""What every ``Runner`` keeps (fairlead.checks.ports)."""

import os
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from fairlead.checks.ports import Command, Exit, Runner

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def gone(mark: str) -> bool:
    """No process has ``mark`` in its arguments; waits up to 5 s for that."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(mark.encode() in _arguments(name) for name in os.listdir("/proc")):
            return True
        time.sleep(0.01)
    return False


def _arguments(name: str) -> bytes:
    try:
        return Path(f"/proc/{name}/cmdline").read_bytes() if name.isdigit() else b""
    except OSError:
        return b""


NPTL = 0b11 << 31
"""Signals 32 and 33 are the C library's own (nptl(7)): nobody else can set them."""


class RunnerContract:
    """Subclass it with a ``runner`` fixture whose grace is short."""

    def run(
        self, runner: Runner, directory: Path, *argv: str, limit: float = 20, log: str = "", **more
    ) -> tuple[Exit, list[str]]:
        heard: list[str] = []
        command = Command(argv, str(directory), ENVIRONMENT | more, limit, log)
        return runner.run(command, heard.append), heard

    def test_exit_codes_come_back(self, runner: Runner, tmp_path: Path) -> None:
        """0 is well; any other code is told as it is."""
        assert self.run(runner, tmp_path, "true")[0].well
        end, _ = self.run(runner, tmp_path, "sh", "-c", "exit 41")
        assert (end.code, end.well, end.started) == (41, False, True)

    def test_it_sees_exactly_the_given_environment(
        self, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing of ours leaks in: no settings, no agent socket, no hook variables."""
        monkeypatch.setenv("SSH_AUTH_SOCK", "/ours")
        monkeypatch.setenv("GIT_DIR", "/ours")
        _, heard = self.run(runner, tmp_path, "env", "-0", ONLY="this")
        names = {part.partition("=")[0] for part in "".join(heard).split("\N{MIDDLE DOT}") if part}
        assert names == {"PATH", "LANG", "ONLY"}

    def test_output_is_shown_line_by_line_and_kept_raw(
        self, runner: Runner, tmp_path: Path
    ) -> None:
        """Both streams, printable on the terminal, byte for byte in the log."""
        log = tmp_path / "logs" / "a.log"
        script = r"printf '\033[31mred\033[0m\n'; printf 'err\n' >&2; printf 'no end \377'"
        _, heard = self.run(runner, tmp_path, "sh", "-c", script, log=str(log))
        assert heard == ["red", "err", "no end \N{REPLACEMENT CHARACTER}"]
        assert log.read_bytes() == b"\x1b[31mred\x1b[0m\nerr\nno end \xff"

    def test_it_has_nothing_to_read(self, runner: Runner, tmp_path: Path) -> None:
        """A command that asks gets the end of its input, at once."""
        assert self.run(runner, tmp_path, "cat")[0].well

    def test_what_is_not_there_is_not_started(self, runner: Runner, tmp_path: Path) -> None:
        """A missing program or directory is no exit code."""
        end, _ = self.run(runner, tmp_path, "no-such-program-here")
        assert (end.started, end.detail) == (False, "No such file or directory")
        end, _ = self.run(runner, tmp_path / "absent", "true")
        assert not end.started
        assert "absent" in end.detail

    def test_a_nul_in_an_argument_is_no_crash(self, runner: Runner, tmp_path: Path) -> None:
        """What cannot be an argument is "not started"."""
        assert not self.run(runner, tmp_path, "echo", "a\0b")[0].started

    def test_what_is_of_no_more_use_is_ended(self, runner: Runner, tmp_path: Path) -> None:
        """By any of the stops it was given, with all it started; nobody can say how it ended."""
        stop, other = Event(), Event()
        mark = f"mark-{os.urandom(6).hex()}"
        until = runner.until(stop).until(other)
        Timer(0.3, stop.set).start()
        began = time.monotonic()
        end, heard = self.run(until, tmp_path, "sh", "-c", f"echo begun; sleep 60 # {mark}")
        assert time.monotonic() - began < 5
        assert (end.lost, end.well, heard) == (True, False, ["begun"])
        assert "of no more use" in end.detail
        assert gone(mark)
        assert self.run(runner, tmp_path, "true")[0].well

    def test_a_limit_ends_everything_it_started(self, runner: Runner, tmp_path: Path) -> None:
        """Also a grandchild in a session of its own that ignores SIGTERM."""
        mark = f"mark-{os.urandom(6).hex()}"
        stubborn = f"trap '' TERM; while :; do sleep 0.05; done # {mark}"
        script = f'setsid sh -c "{stubborn}" & setsid sh -c "{stubborn}" & wait'
        end, _ = self.run(runner, tmp_path, "sh", "-c", script, limit=0.4)
        assert end.timed_out
        assert not end.well
        assert end.seconds < 4
        assert gone(mark)

    def test_a_command_that_ignores_sigterm_is_killed(self, runner: Runner, tmp_path: Path) -> None:
        """After the grace, SIGKILL."""
        script = "trap '' TERM; while :; do sleep 0.05; done"
        end, _ = self.run(runner, tmp_path, "sh", "-c", script, limit=0.2)
        assert (end.timed_out, end.signal) == (True, 9)

    def test_nothing_is_left_behind(self, runner: Runner, tmp_path: Path) -> None:
        """A server started in the background by a check ends with the check, and is counted."""
        mark = f"mark-{os.urandom(6).hex()}"
        script = f"setsid sh -c 'while :; do sleep 0.05; done # {mark}' >/dev/null 2>&1 & exit 0"
        end, _ = self.run(runner, tmp_path, "sh", "-c", script)
        assert end.well
        assert end.left >= 1
        assert gone(mark)

    def test_a_signal_is_told(self, runner: Runner, tmp_path: Path) -> None:
        """Killed is not an exit code."""
        end, _ = self.run(runner, tmp_path, "sh", "-c", "kill -9 $$")
        assert (end.signal, end.timed_out, end.well) == (9, False, False)

    def test_signals_are_at_their_defaults(self, runner: Runner, tmp_path: Path) -> None:
        """A broken pipe ends a program, as in a shell; Python's own "ignore" is not inherited."""
        end, heard = self.run(runner, tmp_path, "sh", "-c", "yes | head -n 1")
        assert (end.well, heard) == (True, ["y"])
        _, heard = self.run(runner, tmp_path, "grep", "SigIgn", "/proc/self/status")
        assert int(heard[0].split()[1], 16) & ~NPTL == 0

    def test_no_descriptor_of_ours_is_open_in_it(self, runner: Runner, tmp_path: Path) -> None:
        """Input, output, errors, and the one that lists them."""
        _, heard = self.run(runner, tmp_path, "ls", "/proc/self/fd")
        assert heard == ["0", "1", "2", "3"]

    def test_much_output_does_not_block(self, runner: Runner, tmp_path: Path) -> None:
        """Ten megabytes, also as one line."""
        end, heard = self.run(runner, tmp_path, "head", "-c", "10000000", "/dev/zero")
        assert end.well
        assert heard
