"""The service's small durable facts, as one JSON file."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fairlead.base.errors import Unknown
from fairlead.drivers._files import write_whole


class _Notes(msgspec.Struct):
    handled: dict[str, dict[str, str]] = {}
    listen: dict[str, str] = {}


class NoteFile:
    """A ``Notes`` in one file; a lock file beside it keeps writers apart."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def handled(self, app: str) -> Mapping[str, str]:
        """The commit of each branch that was taken up last."""
        return self._read().handled.get(app, {})

    def put_handled(self, app: str, branch: str, commit: str) -> None:
        """Durable before it returns."""
        with self._changing() as notes:
            notes.handled.setdefault(app, {})[branch] = commit

    def listen(self, key: str) -> str:
        """The address a place was given; "" for none."""
        return self._read().listen.get(key, "")

    def put_listen(self, key: str, address: str) -> None:
        """Durable before it returns."""
        with self._changing() as notes:
            notes.listen[key] = address

    def listens(self) -> frozenset[str]:
        """All addresses given to places."""
        return frozenset(self._read().listen.values())

    def _read(self) -> _Notes:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Notes)
        except FileNotFoundError:
            return _Notes()
        except (OSError, msgspec.DecodeError) as error:
            hint = f"put it back from a backup, or remove it (rm {self._path}) and push again"
            raise Unknown(f"the notes cannot be read: {self._path}: {error}", hint) from None

    @contextmanager
    def _changing(self) -> Iterator[_Notes]:
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            notes = self._read()
            yield notes
            write_whole(self._path, msgspec.json.format(msgspec.json.encode(notes), indent=1))
