"""A test's server is real, is its own, and is gone afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.machine import CLONE, Machine, booted, ours, timed
from host.root import CACHE

pytestmark = timed


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with booted(binds=ours()) as made:
        yield made


def test_systemd_is_its_process_1(machine: Machine) -> None:
    """Its process 1 is systemd, and everything it wanted has started."""
    assert machine.read("/proc/1/comm").strip() == "systemd"
    assert machine.run("systemctl", "is-system-running").stdout.strip() == "running"


def test_a_command_ends_as_it_ended(machine: Machine) -> None:
    """Exit code, both outputs and the input pass through."""
    ran = machine.run("sh", "-c", "cat; echo two >&2; exit 3", check=False, input="one")
    assert ran == (3, "one", "two\n")


def test_a_command_that_hangs_is_ended(machine: Machine) -> None:
    """Past its limit it is ended inside, too."""
    assert machine.run("sleep", "77", check=False, limit=0.2).exit == 124
    assert machine.run("pgrep", "-x", "sleep", check=False).exit == 1


def test_our_python_runs_on_it(machine: Machine) -> None:
    """The clone's code runs with the clone's own Python, and cannot be written there."""
    argv = (str(Path(sys.executable)), "-c", "import fairlead; print(fairlead.__file__)")
    assert machine.run(*argv).stdout.strip() == str(CLONE / "src/fairlead/__init__.py")
    assert machine.run("touch", str(CLONE / "x"), check=False).exit != 0


def test_its_network_is_its_own(machine: Machine) -> None:
    """It may listen on port 80; that port is reached from beside it, and not from here."""
    machine.run("systemctl", "start", "nginx")
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:80').status)"
    assert machine.beside(sys.executable, "-c", ask).stdout.strip() == "200"
    machine.run("systemctl", "stop", "nginx")


def test_limits_hold_on_it(machine: Machine) -> None:
    """A unit that may have 10 tasks gets no eleventh."""
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done"
    run = ("systemd-run", "--wait", "--pipe", "-p", "TasksMax=10", "sh", "-c", script)
    assert "fork" in machine.run(*run, check=False).stderr


def test_its_memory_can_be_limited() -> None:
    """What is too much for it is ended by the kernel, and it says so."""
    with booted(memory=200 * 1024**2) as small:
        eat = "import sys; sys.exit(not b'x' * (300 << 20))"
        assert small.memory_peak() < 200 * 1024**2
        assert small.run("python3", "-c", eat, check=False).exit == -signal.SIGKILL
        assert small.memory_peak() == 200 * 1024**2


def test_a_reboot_keeps_files_and_ends_processes(machine: Machine) -> None:
    """As on a machine with a disk."""
    machine.write("/etc/kept", "yes")
    machine.write("/run/lost", "no")
    before = machine.leader
    for again in (machine.reboot, machine.cut):
        again()
        assert machine.read("/etc/kept") == "yes"
        assert machine.run("test", "-e", "/run/lost", check=False).exit == 1
    assert machine.leader != before


def test_two_servers_are_apart(machine: Machine) -> None:
    """The same unit runs on both; stopping one leaves the other."""
    with booted() as other:
        for one in (machine, other):
            one.run("systemd-run", "--unit=same", "sleep", "60")
        other.run("systemctl", "stop", "same")
        assert machine.run("systemctl", "is-active", "same").stdout.strip() == "active"
        assert other.run("systemctl", "is-active", "same", check=False).exit != 0
    machine.run("systemctl", "stop", "same")


def test_it_dies_with_the_test() -> None:
    """Killed with no chance to clean up, a test leaves no server behind."""
    code = (
        "import time\n"
        "from host.machine import booted\n"
        "with booted() as made:\n"
        "    print(made.leader, flush=True)\n"
        "    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(CLONE / "tests")}
    environment["FAIRLEAD_TEST_CACHE"] = str(CACHE)
    test = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert test.stdout is not None
    leader = Path("/proc") / test.stdout.readline().strip()
    assert leader.exists()
    test.send_signal(signal.SIGKILL)
    test.communicate()
    deadline = time.monotonic() + 5
    while leader.exists():
        assert time.monotonic() < deadline, "the server lives on"
        time.sleep(0.01)
