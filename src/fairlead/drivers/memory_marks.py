"""The MarkStore port in memory."""

import threading
from collections.abc import Callable

import msgspec

from fairlead.artifact.model import Schema
from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.plan.model import Job
from fairlead.rollout.ports import Marks


class MemoryMarkStore:
    """Marks as values. ``newest`` says which token the leases gave out last for a place."""

    def __init__(self, newest: Callable[[Place], int] = lambda _place: 0) -> None:
        self._newest = newest
        self._lock = threading.Lock()
        self._marks: dict[Place, Marks] = {}
        self._tokens: dict[Place, int] = {}

    def read(self, place: Place) -> Marks:
        """The marks of a place."""
        with self._lock:
            return self._marks.get(place, Marks())

    def put_job(self, place: Place, job: Job, token: int) -> None:
        """Remember a job's newest run."""
        with self._lock:
            old = self._fenced(place, token)
            others = (j for j in old.jobs if j.key != job.key)
            jobs = tuple(sorted((*others, job), key=lambda j: (j.release, j.kind, j.role)))
            self._marks[place] = msgspec.structs.replace(old, jobs=jobs)

    def put_schema(self, place: Place, schema: Schema, token: int) -> None:
        """Remember what the last migration left behind."""
        with self._lock:
            old = self._fenced(place, token)
            self._marks[place] = msgspec.structs.replace(old, schema=schema)

    def put_prepared(self, place: Place, releases: tuple[int, ...], token: int) -> None:
        """Remember which releases are laid out."""
        with self._lock:
            old = self._fenced(place, token)
            prepared = tuple(sorted(set(releases)))
            self._marks[place] = msgspec.structs.replace(old, prepared=prepared)

    def put_adopted(self, place: Place, adopted: tuple[str, ...]) -> None:
        """Remember which changes a person accepted."""
        with self._lock:
            old = self._marks.get(place, Marks())
            kept = tuple(sorted(set(adopted)))
            self._marks[place] = msgspec.structs.replace(old, adopted=kept)

    def _fenced(self, place: Place, token: int) -> Marks:
        newest = max(self._tokens.get(place, 0), self._newest(place))
        if token < newest:
            what = f"the lease was lost: {place}: token {token} is older than {newest}"
            raise Refused(what, "whoever holds the lease now carries on; look with fairlead status")
        self._tokens[place] = token
        return self._marks.get(place, Marks())
