"""What every ``Runner`` keeps (fairlead.checks.ports)."""

import os
import socket
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer

import pytest

from fairlead.checks.ports import Command, Exit, Over, Runner
from needs import missing

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


BOMB = """
import os, time
for _ in range(11):  # 2,048 in all: also where nobody ends them, the machine lives
    try: os.fork()
    except OSError: pass
time.sleep(20)
"""
SCATTERED = """
import os, time
for _ in range(11):
    try:
        if os.fork() == 0: os.setsid()
    except OSError: pass
while time.monotonic() % 1000 >= 0 and time.process_time() < 2: pass
"""
THREADS = """
import threading, time
for _ in range(1000):
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    time.sleep(0.001)
time.sleep(20)
"""
HOARD = """
import os, time
for _ in range(3):
    if os.fork() == 0: break
kept = [bytearray(b"x") * 4_000_000 for _ in range(60)]
time.sleep(20)
"""
SHARED = """
import os, time
kept = bytearray(b"x") * 60_000_000
for _ in range(10):
    if os.fork() == 0:
        time.sleep(0.5)
        os._exit(0)
for _ in range(10): os.wait()
print("read")
"""
ONE_FILE = """
with open("one", "wb") as file:
    for _ in range(300): file.write(bytes(1 << 20))
"""
MANY_FILES = """
import time
for number in range(300):
    with open(str(number), "wb") as file: file.write(bytes(1 << 20))
    time.sleep(0.002)
time.sleep(20)
"""
ALLOCATED = """
import os, time
for number in range(10):
    with open(str(number), "wb") as file: os.posix_fallocate(file.fileno(), 0, 30 << 20)
time.sleep(20)
"""
REACH = """
import socket
with socket.create_server(("127.0.0.1", 0)) as own:
    with socket.create_connection(own.getsockname()): print("itself")
for what, kind, address in (
    ("port", socket.AF_INET, ("127.0.0.1", {port})), ("abstract", socket.AF_UNIX, {name!r})
):
    with socket.socket(kind) as there:
        if there.connect_ex(address) == 0: print(what)
print(", ".join(sorted({{"lo" if name == "lo" else "more" for _, name in socket.if_nameindex()}})))
"""
HOSTILE = (
    r"\033]52;c;aGk=\007\033]0;title\033\\\033]8;;http://x\033\\\302\23352;c;aGk=\302\234"
    r"\302\2332J\342\200\256txt\342\201\246\342\200\213\033Pq\033\\\033c\010\033[2Jshown\n"
)


class RunnerContract:
    """Subclass it with a ``runner`` fixture whose grace is short."""

    def run(
        self, runner: Runner, directory: Path, *argv: str, limit: float = 20, log: str = "", **more
    ) -> tuple[Exit, list[str]]:
        heard: list[str] = []
        command = Command(argv, str(directory), ENVIRONMENT | more, limit, log)
        return runner.run(command, heard.append), heard

    def bounded(
        self, runner: Runner, directory: Path, program: str, **limits
    ) -> tuple[Exit, list[str]]:
        """A Python program with limits, in a directory that it may write to."""
        own = directory / "own"
        own.mkdir(exist_ok=True)
        directory.chmod(0o755)
        heard: list[str] = []
        argv = ("/usr/bin/python3", "-c", program)
        command = Command(argv, str(own), ENVIRONMENT, 30, writes=(str(own),), **limits)
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

    @pytest.mark.parametrize("program", [BOMB, SCATTERED, THREADS])
    def test_who_forks_without_end_is_ended(
        self, runner: Runner, tmp_path: Path, program: str
    ) -> None:
        """Soon, with all it started, whatever sessions they made; the figures are told."""
        end, _ = self.bounded(runner, tmp_path, program, processes=100)
        assert (end.over, end.well, end.started) == (Over.PROCESSES, False, True)
        assert "100 are its limit" in end.detail
        assert end.seconds < 5

    def test_who_takes_too_much_memory_is_ended(self, runner: Runner, tmp_path: Path) -> None:
        """All of its processes are counted together."""
        end, _ = self.bounded(runner, tmp_path, HOARD, memory=200 << 20)
        assert (end.over, end.well) == (Over.MEMORY, False)
        assert "200 MB is its limit" in end.detail
        assert end.seconds < 5

    def test_memory_that_is_shared_counts_once(self, runner: Runner, tmp_path: Path) -> None:
        """Ten processes that only read what their parent wrote need it one time."""
        end, heard = self.bounded(runner, tmp_path, SHARED, memory=200 << 20)
        assert (end.over, heard, end.code) == (None, ["read"], 0)

    @pytest.mark.parametrize("program", [ONE_FILE, MANY_FILES, ALLOCATED])
    def test_who_fills_the_disk_is_ended(
        self, runner: Runner, tmp_path: Path, program: str
    ) -> None:
        """By one file or by many; also with space that is only set aside."""
        end, _ = self.bounded(runner, tmp_path, program, disk=50 << 20)
        assert (end.over, end.well) == (Over.DISK, False)
        assert "50 MB is its limit" in end.detail
        assert size(tmp_path) < 400 << 20

    def test_what_stays_below_its_limits_is_left_alone(
        self, runner: Runner, tmp_path: Path
    ) -> None:
        """Looking at it changes nothing."""
        program = "import time; open('f', 'wb').write(bytes(1000)); time.sleep(0.3); print('well')"
        limits = {"memory": 200 << 20, "processes": 20, "disk": 50 << 20}
        end, heard = self.bounded(runner, tmp_path, program, **limits)
        assert (end.well, heard, end.over, end.detail) == (True, ["well"], None, "")

    def test_without_a_network_it_has_a_loopback_of_its_own(
        self, runner: Runner, tmp_path: Path
    ) -> None:
        """Nobody is there but itself: not the machine's addresses, ports and abstract sockets."""
        with socket.create_server(("127.0.0.1", 0)) as door, abstract() as name:
            program = REACH.format(port=door.getsockname()[1], name=name)
            _, heard = self.bounded(runner, tmp_path, program)
            assert heard == ["itself", "port", "abstract", "lo, more"]
            end, heard = self.bounded(runner, tmp_path, program, network=False)
        if end.network_on:
            missing("here no network of a command's own can be made: elsewhere this would try it")
        assert heard == ["itself", "lo"]

    def test_output_without_end_keeps_nobody_busy(self, runner: Runner, tmp_path: Path) -> None:
        """200 MB of short lines: the first ones are shown, and the last."""
        script = "yes | head -c 200000000; echo the end"
        end, heard = self.run(runner, tmp_path, "sh", "-c", script)
        assert end.well
        assert heard[-1] == "the end"
        assert len(heard) < 200_000
        assert any("MB of output are not shown" in line for line in heard)
        assert end.seconds < 10

    def test_no_code_for_terminals_is_shown(self, runner: Runner, tmp_path: Path) -> None:
        """Clipboards, titles, links, the other controls, and what turns the reading order."""
        _, heard = self.run(runner, tmp_path, "printf", HOSTILE)
        shown = "".join(heard)
        assert "shown" in shown
        assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf")]
        assert "52;c" not in shown.replace("\N{MIDDLE DOT}52;c", "")


@contextmanager
def abstract() -> Iterator[str]:
    """A socket without a file; its name."""
    name = f"\0fairlead-test-{os.urandom(6).hex()}"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(name)
        door.listen()
        yield name


def size(directory: Path) -> int:
    """Bytes on disk."""
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*"))
