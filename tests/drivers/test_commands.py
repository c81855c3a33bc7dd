"""Commands run by a keeper: the contract, and what only this driver has."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contracts.runner import ENVIRONMENT, RunnerContract, gone
from fairlead.checks.ports import Command
from fairlead.drivers.commands import Commands


class TestCommands(RunnerContract):
    """The runner of this machine."""

    @pytest.fixture
    def runner(self) -> Commands:
        return Commands(grace=0.3)


def test_the_log_is_cut_and_says_so(tmp_path: Path) -> None:
    """A log has a limit; what is shown has none."""
    log = tmp_path / "a.log"
    command = Command(("seq", "1000"), str(tmp_path), ENVIRONMENT, 20, str(log))
    heard: list[str] = []
    end = Commands(log_limit=100).run(command, heard.append)
    assert end.log_cut
    assert heard[-1] == "1000"
    assert log.read_bytes()[:100] == "".join(f"{n}\n" for n in range(1, 1001)).encode()[:100]
    assert "cut here" in log.read_text()
    assert log.stat().st_size < 200


def test_a_full_disk_costs_output_and_not_the_command(tmp_path: Path) -> None:
    """/dev/full answers every write with ENOSPC."""
    command = Command(("echo", "heard"), str(tmp_path), ENVIRONMENT, 20, "/dev/full")
    heard: list[str] = []
    end = Commands().run(command, heard.append)
    assert (end.well, end.log_cut, heard) == (True, True, ["heard"])


def test_it_runs_nicely_and_goes_first_when_memory_is_short(tmp_path: Path) -> None:
    """A check must not slow down or outlive a copy that serves."""
    heard: list[str] = []
    command = Command(
        ("sh", "-c", "nice; cat /proc/self/oom_score_adj"), str(tmp_path), ENVIRONMENT, 20
    )
    Commands().run(command, heard.append)
    assert heard == [str(os.nice(0) + 5), "800"]


def test_when_fairlead_is_killed_so_is_the_command(tmp_path: Path) -> None:
    """kill -9 of the process that runs it ends everything it started."""
    mark = f"mark-{os.urandom(6).hex()}"
    script = f"setsid sh -c 'while :; do sleep 0.05; done # {mark}' & echo started; wait"
    program = (
        "import sys; from fairlead.checks.ports import Command;"
        "from fairlead.drivers.commands import Commands;"
        f"Commands(0.2).run(Command(('sh', '-c', {script!r}), '/', {ENVIRONMENT!r}, 60),"
        "lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == b"started\n"
        ours.send_signal(signal.SIGKILL)
    assert gone(mark)


def test_a_keeper_that_is_killed_means_nobody_knows(tmp_path: Path) -> None:
    """Without its word the end is lost: never read as success."""
    command = Command(("sh", "-c", "kill -9 $PPID; exit 0"), str(tmp_path), ENVIRONMENT, 20)
    end = Commands().run(command, lambda _: None)
    assert (end.lost, end.well) == (True, False)


def test_what_a_keyboard_interrupts_is_ended(tmp_path: Path) -> None:
    """An exception in whoever listens ends the command before it goes on its way."""
    mark = f"mark-{os.urandom(6).hex()}"
    script = f"echo first; while :; do sleep 0.05; done # {mark}"

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Commands(grace=0.2).run(
            Command(("sh", "-c", script), str(tmp_path), ENVIRONMENT, 60), interrupted
        )
    assert gone(mark)
    assert time.monotonic() - began < 5
