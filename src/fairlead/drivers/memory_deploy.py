"""The deploy repo in memory: the same contract, no git. For tests of what stands on it."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from fairlead.base.errors import FairleadError, Refused
from fairlead.desired.ports import Commit


class _Made:
    """One commit: what it is called, who made it, and every file after it."""

    def __init__(
        self, made: str, who: str, ours: bool, message: str, at: int, files: Mapping[str, bytes]
    ) -> None:
        self.id, self.who, self.ours = made, who, ours
        self.message, self.at, self.files = message, at, dict(files)

    def of(self, path: str) -> Commit:
        """As a file's history shows it."""
        content = self.files.get(path)
        return Commit(self.id, self.who, self.ours, self.message, self.at, content)


class MemoryLook:
    """The repository at one commit."""

    where = "memory"

    def __init__(self, commits: tuple[_Made, ...]) -> None:
        self._commits = commits
        self.head = commits[-1].id

    def read(self, path: str) -> bytes | None:
        """A file's bytes as committed."""
        return self._commits[-1].files.get(path)

    def files(self, directory: str) -> tuple[str, ...]:
        """Every file below a directory, sorted."""
        names = self._commits[-1].files
        return tuple(sorted(name for name in names if name.startswith(f"{directory}/")))

    def history(self, path: str, limit: int = 0) -> tuple[Commit, ...]:
        """The commits that changed a file, newest first."""
        found = [made.of(path) for old, made in self._pairs() if _differs(old, made, path)]
        return tuple(reversed(found))[: limit or None]

    def altered(self, directory: str) -> frozenset[str]:
        """The files below a directory that a commit changed or removed after one added them."""
        return frozenset(
            path
            for old, made in self._pairs()
            for path in old
            if path.startswith(f"{directory}/") and _differs(old, made, path)
        )

    def _pairs(self) -> Iterator[tuple[Mapping[str, bytes], _Made]]:
        before: Mapping[str, bytes] = {}
        for made in self._commits:
            yield before, made
            before = made.files


class MemoryDeployRepo:
    """Commits in a list. ``trouble``, when set, is what every look and commit raises."""

    where = "memory"

    def __init__(self) -> None:
        self.trouble: FairleadError | None = None
        self._commits: tuple[_Made, ...] = ()
        self._lock = threading.RLock()

    def ensure(self, files: Mapping[str, bytes], now: float) -> None:
        """Make the first commit, unless it is there."""
        with self._lock:
            if not self._commits:
                self._add(files, "The deploy repo of this Fairlead", "Fairlead", now, ours=True)

    def look(self) -> MemoryLook:
        """The repository at its head."""
        if self.trouble:
            raise self.trouble
        if not self._commits:
            raise Refused("there is no deploy repo: memory", "`fairlead up` makes one")
        return MemoryLook(self._commits)

    def writing(self, what: str) -> AbstractContextManager[None]:
        """Hold the repository against other threads."""
        return self._held()

    def commit(
        self, changes: Mapping[str, bytes | None], message: str, who: str, now: float
    ) -> str:
        """Write these files as one commit by ``who``; the commit's id."""
        with self._lock:
            look = self.look()
            if all(look.read(path) == data for path, data in changes.items()):
                return look.head
            return self._add(changes, message, who, now, ours=True)

    def tidy(self) -> None:
        """Nothing to pack."""

    def commit_by_hand(self, changes: Mapping[str, bytes | None], message: str, who: str) -> str:
        """What a person with plain git would do."""
        with self._lock:
            return self._add(changes, message, who, float(self._commits[-1].at), ours=False)

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._lock:
            yield

    def _add(
        self,
        changes: Mapping[str, bytes | None],
        message: str,
        who: str,
        now: float,
        *,
        ours: bool,
    ) -> str:
        before = self._commits[-1].files if self._commits else {}
        merged = {**before, **changes}
        files = {path: data for path, data in merged.items() if data is not None}
        made = hashlib.sha1(f"{len(self._commits)} {message}".encode()).hexdigest()  # noqa: S324
        name = who.partition("<")[0].strip() or who
        self._commits += (_Made(made, name, ours, message.strip(), int(now), files),)
        return made


def _differs(before: Mapping[str, bytes], made: _Made, path: str) -> bool:
    return before.get(path) != made.files.get(path)
