"""The memory runtime, marks, leases, backups and capacity keep their ports' contracts."""

from pathlib import Path

import pytest

from contracts import backups, capacity, leases, marks, runtime
from fairlead.base.ids import Place
from fairlead.drivers.memory_backups import MemoryBackups
from fairlead.drivers.memory_capacity import MemoryCapacity
from fairlead.drivers.memory_leases import MemoryLeases
from fairlead.drivers.memory_marks import MemoryMarkStore
from fairlead.drivers.memory_runtime import MemoryRuntime
from fairlead.plan.model import CopyId, Room
from fairlead.rollout.ports import Launch, ProcessState, Task, TaskState


class HandClock:
    """A clock that moves by a step each time it is read, and when it is told to."""

    def __init__(self, step: float = 0.0) -> None:
        self.time, self.step = 1_800_000_000.0, step

    def now(self) -> float:
        self.time += self.step
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class MemoryWorld:
    """Entries that run by a clock that moves a little at each look."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.exits: dict[tuple[Place, str], int] = {}
        self.runtime = MemoryRuntime(
            HandClock(0.01),
            stop_takes=0.05,
            task_takes=0.05,
            exits=self._exit,
            missing=frozenset({"/nonesuch"}),
        )

    def _exit(self, task: Task) -> int:
        self.ran.append(task.key)
        return int(task.argv[1])

    def lasting(self, place: Place = runtime.PLACE, copy: CopyId = runtime.COPY) -> Launch:
        address = f"unix//copies/{copy}"
        return Launch(place, copy, ("serve",), "/", {}, "/log", address)

    def missing(self) -> Launch:
        return Launch(runtime.PLACE, runtime.COPY, ("/nonesuch",), "/", {}, "/log")

    def task(self, key: str, exits: int = 0, place: Place = runtime.PLACE) -> Task:
        return Task(place, key, ("exit", str(exits)), "/", {}, "/log", limit=60)

    def runs(self, key: str) -> int:
        return self.ran.count(key)

    def crash(self, copy: CopyId) -> None:
        self.runtime.crash(runtime.PLACE, copy)

    def stray(self) -> int:
        return self.runtime.add_stray(runtime.PLACE)

    def down(self) -> None:
        self.runtime.down = True


class TestMemoryRuntime(runtime.RuntimeContract):
    """The contract, in memory."""

    @pytest.fixture
    def world(self) -> runtime.World:
        return MemoryWorld()

    def test_it_goes_by_its_clock(self) -> None:
        """A crash is seen until its restart is due; a task past its limit ends with 124."""
        clock = HandClock()
        memory = MemoryRuntime(clock, task_takes=20, restart_after=5)
        world = MemoryWorld()
        memory.start(world.lasting())
        memory.crash(runtime.PLACE, runtime.COPY)
        clock.sleep(4.9)
        assert memory.processes(runtime.PLACE)[0].state is ProcessState.CRASHED
        clock.sleep(0.2)
        assert memory.processes(runtime.PLACE)[0].state is ProcessState.RUNNING
        memory.run(Task(runtime.PLACE, "late", ("x",), "/", {}, "/log", limit=10))
        assert memory.task(runtime.PLACE, "late").state is TaskState.RUNNING
        clock.sleep(10)
        assert memory.task(runtime.PLACE, "late").exit == 124

    def test_a_task_may_be_lost_and_copies_orphaned(self) -> None:
        """The accidents of the real runtime can be had here, too."""
        memory = MemoryRuntime(HandClock(), exits=lambda _task: None)
        world = MemoryWorld()
        memory.run(world.task("migrate-7"))
        assert memory.task(runtime.PLACE, "migrate-7").state is TaskState.LOST
        memory.start(world.lasting())
        pid = memory.processes(runtime.PLACE)[0].pid
        memory.orphan()
        assert memory.processes(runtime.PLACE) == ()
        assert memory.strays(runtime.PLACE) == (pid,)


class MemoryLeasesWorld:
    """One owner's process is gone."""

    def __init__(self) -> None:
        self.lasts, self.living, self.dead = 15.0, "ada", "bob"
        self.leases = MemoryLeases(
            self.lasts, lambda owner: "its process is gone" if owner == self.dead else ""
        )


class TestMemoryLeases(leases.LeasesContract):
    """The contract, in memory."""

    @pytest.fixture
    def world(self) -> leases.World:
        return MemoryLeasesWorld()


class MemoryMarksWorld:
    """Marks fenced by memory leases."""

    def __init__(self) -> None:
        self.leases = MemoryLeases()
        self.marks = MemoryMarkStore(self.leases.newest)

    def again(self) -> MemoryMarkStore:
        return self.marks


class TestMemoryMarkStore(marks.MarksContract):
    """The contract, in memory."""

    @pytest.fixture
    def world(self) -> marks.World:
        return MemoryMarksWorld()


class MemoryBackupsWorld:
    """Counts of rows."""

    def __init__(self, directory: Path) -> None:
        self.url, self.absent, self.broken = "memory:shop", "memory:none", "memory:broken"
        self.directory = str(directory / "backups")
        self.backups = MemoryBackups({self.url: backups.ROWS}, frozenset({self.broken}))

    def restored(self, path: str) -> dict[str, int]:
        return dict(self.backups.taken[path])


class TestMemoryBackups(backups.BackupsContract):
    """The contract, in memory."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> backups.World:
        return MemoryBackupsWorld(tmp_path)


class CapacityWorld:
    """Two processes, one of them gone."""

    alive, gone = 7, 8

    def __init__(self) -> None:
        here = Room(memory=1 << 30, disk=1 << 30, disk_size=1 << 32)
        self.capacity = MemoryCapacity(here, 1 << 20, frozenset({self.gone}))


class TestMemoryCapacity(capacity.CapacityContract):
    """The contract, in memory."""

    @pytest.fixture
    def world(self) -> capacity.World:
        return CapacityWorld()
