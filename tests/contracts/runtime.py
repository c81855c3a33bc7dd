"""What every Runtime keeps. A driver's test gives a `world`; the suite is the same for all."""

import time
from collections.abc import Callable
from typing import Protocol

import msgspec
import pytest

from fairlead.base.errors import FairleadError, Refused, UsageError
from fairlead.base.ids import Place
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Launch, Process, ProcessState, Runtime, Task, TaskSeen, TaskState

PLACE = Place("shop", "production")
OTHER = Place("shop", "staging")
COPY = CopyId(7, "web", 1)
TWIN = CopyId(7, "web", 2)


class World(Protocol):
    """A runtime, things for it to run, and accidents."""

    runtime: Runtime

    def lasting(self, place: Place = PLACE, copy: CopyId = COPY) -> Launch:
        """A copy that runs until it is asked to end."""
        ...

    def missing(self) -> Launch:
        """COPY of PLACE, as a command that does not exist."""
        ...

    def task(self, key: str, exits: int = 0, place: Place = PLACE) -> Task:
        """A short task that ends with that code."""
        ...

    def runs(self, key: str) -> int:
        """How often the command of PLACE's task was run."""
        ...

    def crash(self, copy: CopyId) -> None:
        """A running copy of PLACE ends unasked."""
        ...

    def stray(self) -> int:
        """A process with PLACE's mark that nobody started as a copy; its id."""
        ...

    def down(self) -> None:
        """The runtime stops answering."""
        ...


def until(true: Callable[[], bool], limit: float = 10.0) -> None:
    """Wait for a condition, and fail the test when it does not come."""
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


class RuntimeContract:
    """The port's promises."""

    def only(self, world: World, place: Place = PLACE) -> Process:
        """The one copy there is."""
        (process,) = world.runtime.processes(place)
        return process

    def ended(self, world: World, key: str, place: Place = PLACE) -> TaskSeen:
        """The task, once it has exited."""
        until(lambda: world.runtime.task(place, key).state is TaskState.EXITED)
        return world.runtime.task(place, key)

    def test_nothing_runs_where_nothing_was_started(self, world: World) -> None:
        """A place never heard of has no copies, no tasks and no strays."""
        assert world.runtime.processes(PLACE) == ()
        assert world.runtime.task(PLACE, "migrate-1").state is TaskState.ABSENT
        assert world.runtime.strays(PLACE) == ()

    def test_a_started_copy_is_running_at_once(self, world: World) -> None:
        """`start` returns once the process exists."""
        world.runtime.start(world.lasting())
        process = self.only(world)
        assert (process.copy, process.state) == (COPY, ProcessState.RUNNING)
        assert process.pid > 0
        assert (process.crashes, process.gave_up) == (0, False)
        assert process.address == world.lasting().address

    def test_starting_a_running_copy_again_leaves_it_alone(self, world: World) -> None:
        """Asking for what already is changes nothing."""
        world.runtime.start(world.lasting())
        before = self.only(world)
        world.runtime.start(world.lasting())
        assert self.only(world).pid == before.pid

    def test_places_are_apart(self, world: World) -> None:
        """A place sees its own copies and tasks; stopping here stops nothing there."""
        world.runtime.start(world.lasting())
        world.runtime.start(world.lasting(OTHER))
        world.runtime.stop(PLACE, COPY)
        until(lambda: world.runtime.processes(PLACE) == ())
        assert self.only(world, OTHER).state is ProcessState.RUNNING

    def test_copies_come_in_order(self, world: World) -> None:
        """The answer is sorted, whatever order they were started in."""
        world.runtime.start(world.lasting(copy=TWIN))
        world.runtime.start(world.lasting(copy=COPY))
        assert [process.copy for process in world.runtime.processes(PLACE)] == [COPY, TWIN]

    def test_a_stopped_copy_vanishes(self, world: World) -> None:
        """It is stopping or gone at once, and gone soon; its twin runs on."""
        world.runtime.start(world.lasting(copy=COPY))
        world.runtime.start(world.lasting(copy=TWIN))
        world.runtime.stop(PLACE, COPY)
        for process in world.runtime.processes(PLACE):
            expected = ProcessState.STOPPING if process.copy == COPY else ProcessState.RUNNING
            assert process.state is expected
        until(lambda: len(world.runtime.processes(PLACE)) == 1)
        assert self.only(world).copy == TWIN

    def test_stopping_is_repeatable(self, world: World) -> None:
        """Stopping twice, or what never was, is fine."""
        world.runtime.start(world.lasting())
        world.runtime.stop(PLACE, COPY)
        world.runtime.stop(PLACE, COPY)
        world.runtime.stop(PLACE, TWIN)
        until(lambda: world.runtime.processes(PLACE) == ())

    def test_a_stopped_copy_can_be_started_again(self, world: World) -> None:
        """With no crashes remembered from the life before."""
        world.runtime.start(world.lasting())
        world.crash(COPY)
        until(lambda: self.only(world).crashes == 1)
        world.runtime.stop(PLACE, COPY)
        until(lambda: world.runtime.processes(PLACE) == ())
        world.runtime.start(world.lasting())
        process = self.only(world)
        assert (process.state, process.crashes) == (ProcessState.RUNNING, 0)

    def test_a_crash_is_counted_and_followed_by_a_restart(self, world: World) -> None:
        """One crash, one count, a new process."""
        world.runtime.start(world.lasting())
        first = self.only(world).pid
        world.crash(COPY)
        until(lambda: self.only(world).crashes == 1)
        until(lambda: self.only(world).state is ProcessState.RUNNING)
        process = self.only(world)
        assert (process.crashes, process.gave_up) == (1, False)
        assert process.pid != first

    def test_a_command_that_does_not_exist_is_given_up(self, world: World) -> None:
        """It is crashed, given up, and says what was not found."""
        world.runtime.start(world.missing())
        until(lambda: self.only(world).gave_up)
        process = self.only(world)
        assert process.state is ProcessState.CRASHED
        assert world.missing().argv[0] in process.detail

    def test_a_copy_given_up_is_started_afresh(self, world: World) -> None:
        """`start` with a command that works, works."""
        world.runtime.start(world.missing())
        until(lambda: self.only(world).gave_up)
        world.runtime.start(world.lasting())
        until(lambda: self.only(world).state is ProcessState.RUNNING)
        assert (self.only(world).crashes, self.only(world).gave_up) == (0, False)

    def test_a_copy_given_up_can_be_stopped(self, world: World) -> None:
        """It vanishes as any other."""
        world.runtime.start(world.missing())
        until(lambda: self.only(world).gave_up)
        world.runtime.stop(PLACE, COPY)
        until(lambda: world.runtime.processes(PLACE) == ())

    def test_what_cannot_be_a_command_is_refused(self, world: World) -> None:
        """No program, or a NUL in a word: an error of the caller's, and nothing is left."""
        for argv in ((), ("sh", "a\0b")):
            with pytest.raises(UsageError):
                world.runtime.start(msgspec.structs.replace(world.lasting(), argv=argv))
        assert world.runtime.processes(PLACE) == ()

    @pytest.mark.parametrize("code", [0, 3])
    def test_a_task_leaves_its_exit_code(self, world: World, code: int) -> None:
        """Also when it failed."""
        world.runtime.run(world.task("migrate-7", code))
        assert self.ended(world, "migrate-7").exit == code

    def test_the_same_key_never_runs_twice(self, world: World) -> None:
        """Neither while it runs nor after it ended."""
        world.runtime.run(world.task("migrate-7", 3))
        world.runtime.run(world.task("migrate-7", 0))
        assert self.ended(world, "migrate-7").exit == 3
        world.runtime.run(world.task("migrate-7", 0))
        assert self.ended(world, "migrate-7").exit == 3
        assert world.runs("migrate-7") == 1

    def test_the_same_key_elsewhere_is_another_task(self, world: World) -> None:
        """Keys belong to a place."""
        world.runtime.run(world.task("migrate-7", 3))
        assert world.runtime.task(OTHER, "migrate-7").state is TaskState.ABSENT
        world.runtime.run(world.task("migrate-7", 0, OTHER))
        assert self.ended(world, "migrate-7", OTHER).exit == 0

    def test_tasks_are_no_copies(self, world: World) -> None:
        """A task does not show among the processes, nor as a stray."""
        world.runtime.run(world.task("migrate-7"))
        assert world.runtime.processes(PLACE) == ()
        assert world.runtime.strays(PLACE) == ()
        assert self.ended(world, "migrate-7").exit == 0
        assert world.runtime.processes(PLACE) == ()

    def test_a_stray_is_seen_and_ended(self, world: World) -> None:
        """Only at its place; copies are none."""
        world.runtime.start(world.lasting())
        pid = world.stray()
        assert world.runtime.strays(PLACE) == (pid,)
        assert world.runtime.strays(OTHER) == ()
        world.runtime.end_stray(PLACE, pid)
        until(lambda: world.runtime.strays(PLACE) == ())
        assert self.only(world).state is ProcessState.RUNNING
        world.runtime.end_stray(PLACE, pid)

    def test_only_strays_are_ended(self, world: World) -> None:
        """A copy, or a stray of another place, is refused."""
        world.runtime.start(world.lasting())
        with pytest.raises(Refused):
            world.runtime.end_stray(PLACE, self.only(world).pid)
        stray = world.stray()
        with pytest.raises(Refused):
            world.runtime.end_stray(OTHER, stray)
        assert world.runtime.strays(PLACE) == (stray,)

    def test_no_answer_is_never_read_as_nothing(self, world: World) -> None:
        """A runtime that is down knows nothing: an error, not an empty answer."""
        world.runtime.start(world.lasting())
        world.down()
        with pytest.raises(FairleadError):
            world.runtime.processes(PLACE)
        with pytest.raises(FairleadError):
            world.runtime.strays(PLACE)
        with pytest.raises(FairleadError):
            world.runtime.start(world.lasting(copy=TWIN))
