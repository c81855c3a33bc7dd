"""What every MarkStore keeps."""

from typing import Protocol

import pytest

from fairlead.artifact.model import Schema
from fairlead.base.errors import Refused
from fairlead.base.ids import Digest, Place
from fairlead.plan.model import Job, JobKind, JobState
from fairlead.rollout.ports import Leases, Marks, MarkStore

PLACE = Place("shop", "production")
OTHER = Place("shop", "staging")
SCHEMA = Schema(Digest("sha256:" + "a" * 64), ("0007_drop_name",))


class World(Protocol):
    """Marks, and the leases whose tokens fence them."""

    marks: MarkStore
    leases: Leases

    def again(self) -> MarkStore:
        """The same marks, opened anew."""
        ...


def job(kind: JobKind = JobKind.MIGRATE, release: int = 7, state: str = "running") -> Job:
    """A job's mark."""
    return Job(kind, release, "rev-1", JobState(state), 1_800_000_000.25, 'a "detail"\n')


class MarksContract:
    """The port's promises."""

    def test_a_place_never_heard_of_has_no_marks(self, world: World) -> None:
        """Empty, not an error."""
        assert world.marks.read(PLACE) == Marks()

    def test_what_was_put_is_read(self, world: World) -> None:
        """Every kind of mark, unchanged, also by one who comes later."""
        world.marks.put_job(PLACE, job(), 1)
        world.marks.put_schema(PLACE, SCHEMA, 1)
        world.marks.put_prepared(PLACE, (6, 7), 1)
        expected = Marks((job(),), SCHEMA, (6, 7))
        assert world.marks.read(PLACE) == expected
        assert world.again().read(PLACE) == expected

    def test_the_newest_run_of_a_job_is_kept(self, world: World) -> None:
        """One mark for each kind and release."""
        world.marks.put_job(PLACE, job(state="running"), 1)
        world.marks.put_job(PLACE, job(state="succeeded"), 1)
        world.marks.put_job(PLACE, job(release=6), 1)
        world.marks.put_job(PLACE, job(JobKind.BACKUP), 1)
        found = {(j.kind, j.release): j.state for j in world.marks.read(PLACE).jobs}
        assert found == {
            (JobKind.MIGRATE, 6): JobState.RUNNING,
            (JobKind.BACKUP, 7): JobState.RUNNING,
            (JobKind.MIGRATE, 7): JobState.SUCCEEDED,
        }

    def test_prepared_is_replaced_whole(self, world: World) -> None:
        """What is not named any more is not prepared any more; sorted, each once."""
        world.marks.put_prepared(PLACE, (5, 6, 7), 1)
        world.marks.put_prepared(PLACE, (7, 6, 7), 1)
        assert world.marks.read(PLACE).prepared == (6, 7)

    def test_places_are_apart(self, world: World) -> None:
        """Marks and fences belong to a place."""
        world.marks.put_prepared(PLACE, (7,), 5)
        world.marks.put_prepared(OTHER, (3,), 1)
        assert world.marks.read(PLACE).prepared == (7,)
        assert world.marks.read(OTHER).prepared == (3,)

    def test_an_older_token_is_refused(self, world: World) -> None:
        """For every kind of mark, and nothing is changed."""
        world.marks.put_job(PLACE, job(), 5)
        before = world.marks.read(PLACE)
        with pytest.raises(Refused):
            world.marks.put_job(PLACE, job(state="succeeded"), 4)
        with pytest.raises(Refused):
            world.marks.put_schema(PLACE, SCHEMA, 4)
        with pytest.raises(Refused):
            world.marks.put_prepared(PLACE, (7,), 4)
        assert world.marks.read(PLACE) == before
        world.marks.put_schema(PLACE, SCHEMA, 5)
        assert world.marks.read(PLACE).schema == SCHEMA

    def test_a_lease_taken_over_fences_at_once(self, world: World) -> None:
        """The old holder cannot write even before the new one has."""
        old = world.leases.take(PLACE, "one", "", 0.0)
        world.marks.put_prepared(PLACE, (7,), old.token)
        new = world.leases.take(PLACE, "another", "", 1e6)
        with pytest.raises(Refused):
            world.marks.put_prepared(PLACE, (8,), old.token)
        assert world.marks.read(PLACE).prepared == (7,)
        world.marks.put_prepared(PLACE, (9,), new.token)
        assert world.marks.read(PLACE).prepared == (9,)
