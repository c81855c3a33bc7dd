"""What a machine has left: this one, and machines made of files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts import capacity
from contracts.capacity import PLACE
from fairlead.drivers.capacity import HostCapacity, slice_path

MB = 1024**2
MEMINFO = f"MemTotal: {1000 * 1024} kB\nMemAvailable: {600 * 1024} kB\nSwapFree: {100 * 1024} kB\n"
HOLDS = "import sys, time; kept = bytearray({size}); print(flush=True); time.sleep(60)"
FORKS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline(); print(flush=True)
try: sys.stdin.read()
finally: child.kill(); child.wait()
"""


class HostWorld:
    """This machine, this process, and one that has ended."""

    def __init__(self, root: Path) -> None:
        self.capacity = HostCapacity(root)
        self.alive = os.getpid()
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        self.gone = ended.pid


class TestHostCapacity(capacity.CapacityContract):
    """The contract, on this machine."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> HostWorld:
        return HostWorld(tmp_path)

    def test_it_says_what_the_machine_says(self, world: HostWorld, tmp_path: Path) -> None:
        """Of the file system that the root lies on."""
        room, disk = world.capacity.room(PLACE), os.statvfs(tmp_path)
        assert room.disk_size == disk.f_blocks * disk.f_frsize
        assert room.memory

    def test_a_process_counts_with_all_that_it_started(self, world: HostWorld) -> None:
        """A server's workers are its children: what one of them holds is the copy's."""
        argv = [sys.executable, "-c", FORKS, HOLDS.format(size=80 * MB)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout
            server.stdout.readline()
            used = world.capacity.memory([server.pid])[server.pid]
            server.communicate()
        assert 80 * MB < used < 120 * MB

    def test_what_processes_share_counts_once(self, world: HostWorld) -> None:
        """Four workers forked from one that holds 40 MB do not use 200."""
        text = (
            "import os, time; kept = bytearray(b'x' * 40 * 2**20)\n"
            "for _ in range(4): os.fork() or (time.sleep(60), os._exit(0))\n"
            "print(flush=True); import sys; sys.stdin.read(); os.killpg(0, 9)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        ) as server:  # fmt: skip
            assert server.stdout
            server.stdout.readline()
            used = world.capacity.memory([server.pid])[server.pid]
            server.communicate()
        assert 40 * MB < used < 100 * MB


def machine(root: Path, group: str = "", **files: str) -> Path:
    """A machine's /proc and /sys; files of a control group by name ("memory_max")."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/meminfo").write_text(MEMINFO)
    (root / "proc/self/cgroup").write_text("1:cpu:/old\n0::/box/agent.service\n")
    at = root / "sys/fs/cgroup" / group
    at.mkdir(parents=True)
    for name, text in files.items():
        (at / name.replace("_", ".")).write_text(text)
    return root


def memory(root: Path, slice_name: str = "") -> int | None:
    given = (lambda _: slice_name) if slice_name else None
    found = HostCapacity(root, given, root).room(PLACE).memory
    return found // MB if found is not None else None


def test_without_a_limit_it_is_what_the_kernel_calls_available(tmp_path: Path) -> None:
    """And free swap besides."""
    assert memory(machine(tmp_path, "box", memory_max="max\n")) == 700


def test_a_limit_around_us_counts_with_what_may_be_given_back(tmp_path: Path) -> None:
    """A container's: 300 of 400 MB are used, 80 of them to read files faster; no swap."""
    stat = f"anon {200 * MB}\ninactive_file {50 * MB}\nactive_file {30 * MB}\n"
    root = machine(
        tmp_path, "box", memory_max=str(400 * MB), memory_current=str(300 * MB), memory_stat=stat,
        memory_swap_max="0",
    )  # fmt: skip
    assert memory(root) == 180


def test_a_limit_whose_use_is_not_known_is_the_most_there_can_be(tmp_path: Path) -> None:
    """It is not read as no limit."""
    assert memory(machine(tmp_path, "box", memory_max=str(50 * MB), memory_swap_max="0")) == 50


def test_a_places_slice_is_the_limit_on_a_server(tmp_path: Path) -> None:
    """And not the agent's own."""
    root = machine(
        tmp_path, "fairlead.slice/fairlead-shop.production.slice", memory_max=str(90 * MB),
        memory_current=str(20 * MB), memory_swap_max="0",
    )  # fmt: skip
    own = root / "sys/fs/cgroup/box/agent.service"
    own.mkdir(parents=True)
    (own / "memory.max").write_text(str(10 * MB))
    assert memory(root, "fairlead-shop.production.slice") == 70
    assert slice_path("a-b-c.slice") == "a.slice/a-b.slice/a-b-c.slice"


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    """No /proc, no disk."""
    room = HostCapacity(tmp_path / "none", None, tmp_path / "none").room(PLACE)
    assert (room.memory, room.disk, room.files) == (None, None, None)
