"""The Backups port in memory."""

import threading
from collections.abc import Mapping

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.rollout.ports import BackupTaken


class MemoryBackups:
    """Databases as tables with counts of rows. ``failing`` are the URLs that cannot be read."""

    def __init__(
        self,
        databases: Mapping[str, Mapping[str, int]] | None = None,
        failing: frozenset[str] = frozenset(),
    ) -> None:
        self.taken: dict[str, Mapping[str, int]] = {}
        """What is in each backup, by its path."""
        self._databases = databases or {}
        self._failing = failing
        self._lock = threading.Lock()

    def take(self, url: str, directory: str, name: str) -> BackupTaken:
        """Copy the counts; a backup that exists is never written over."""
        if url in self._failing:
            raise FairleadError("the backup failed: it is set to fail", "set it not to fail")
        with self._lock:
            path = f"{directory}/{name}{self._number(f'{directory}/{name}')}"
            tables = dict(self._databases.get(url, {}))
            self.taken[path] = tables
        if url not in self._databases:
            return BackupTaken(path, 0, "an empty backup: there is no database yet")
        proof = f"{len(tables)} tables, {sum(tables.values()):,} rows, integrity ok"
        return BackupTaken(path, len(msgspec.json.encode(tables)), proof)

    def size(self, url: str) -> int | None:
        """Of the counts as they are kept; not known of what cannot be read."""
        if url in self._failing:
            return None
        tables = self._databases.get(url)
        return len(msgspec.json.encode(dict(tables))) if tables else 0

    def _number(self, path: str) -> str:
        used = [taken for taken in self.taken if taken == path or taken.startswith(path + "-")]
        return f"-{len(used) + 1}" if used else ""
