"""The record in one SQLite file.

Write-ahead log with ``synchronous=FULL``: a commit is on the disk before it returns
(https://sqlite.org/pragma.html#pragma_synchronous). Writers take turns with BEGIN IMMEDIATE;
readers never wait for them (https://sqlite.org/wal.html). The format is described in
docs/design/record.md.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from fairlead.base.errors import Busy, FairleadError
from fairlead.record.ports import Row, Seal, Sealed

FORMAT = 1
APPLICATION = 0x46_41_49_52  # "FAIR", in the file's header: `file` and we can tell whose it is
WAIT = 30.0  # seconds for another writer, which holds the file for a millisecond or so

_SCHEMA = """
CREATE TABLE entries(
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL
);
CREATE INDEX entries_at ON entries(at);
CREATE TABLE refs(
    seq INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (seq, kind, value)
) WITHOUT ROWID;
CREATE INDEX refs_value ON refs(kind, value, seq);
CREATE TABLE intents(seq INTEGER PRIMARY KEY);
"""
# Whatever type a hand put there (replace() makes a text of a body), it is read as what it must be.
_ROW = "seq, CAST(at AS TEXT), CAST(previous AS BLOB), CAST(hash AS BLOB), CAST(body AS BLOB)"
_LINE = "CAST(seq AS INTEGER), CAST(kind AS TEXT), CAST(value AS TEXT)"
_row = partial(tuple.__new__, Row)  # Row._make without a Python frame: a million times it tells
_OLDEST = "SELECT seq FROM refs WHERE kind = ? AND value = ? AND seq <= ? ORDER BY seq LIMIT ?"
_NEWEST = _OLDEST.replace("ORDER BY seq", "ORDER BY seq DESC")
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)


class SqliteRecord:
    """A ``record.ports.Store`` in the file at ``path``, made when it is not there yet.

    Raises FairleadError when the file cannot be opened, is damaged, or is not a record.
    """

    def __init__(self, path: Path, wait: float = WAIT) -> None:
        self._path = path
        self._wait = wait
        self._lock = RLock()
        with _explained(path):
            self._db = self._opened()

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        with self._lock:
            self._db.close()

    def append(self, seals: Sequence[Seal]) -> tuple[Row, ...]:
        """Seal and keep these rows: all of them durably, or none."""
        with self._lock, _explained(self._path), self._transaction():
            seq, digest = self._head()
            rows = []
            for seal in seals:
                sealed = seal(seq, digest)
                self._keep(sealed)
                rows.append(sealed.row)
                seq, digest = sealed.row.seq, sealed.row.hash
            return tuple(rows)

    def head(self) -> tuple[int, bytes]:
        """The newest row's number and hash; (0, 32 zero bytes) when there is none."""
        with self._lock, _explained(self._path):
            return self._head()

    def read(self, after: int, limit: int) -> tuple[Row, ...]:
        """Up to ``limit`` rows with a number above ``after``, ascending."""
        return self._rows("WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)

    def between(self, since: str, until: str) -> Iterator[Row]:
        """Rows written from ``since`` (included) to ``until`` (excluded), ascending by number."""
        with _explained(self._path), self._reader() as db:
            wanted = f"SELECT {_ROW} FROM entries WHERE at >= ? AND at < ? ORDER BY seq"  # noqa: S608
            yield from map(_row, db.execute(wanted, (since, until)))

    def last_before(self, at: str) -> int:
        """The newest row written before ``at``, by its time; 0 when there is none."""
        wanted = "SELECT seq FROM entries WHERE at < ? ORDER BY at DESC, seq DESC LIMIT 1"
        with self._lock, _explained(self._path):
            found = self._db.execute(wanted, (at,)).fetchone()
        return int(found[0]) if found else 0

    def find(
        self, kind: str, value: str, *, limit: int, newest: bool = False, upto: int = 0
    ) -> tuple[Row, ...]:
        """The first (or ``newest``) ``limit`` rows that refer to this, ascending."""
        chosen = _NEWEST if newest else _OLDEST
        last = upto or 2**62
        return self._rows(f"WHERE seq IN ({chosen}) ORDER BY seq", kind, value, last, limit)

    def first_value(self, kind: str, at_least: str) -> str:
        """The smallest indexed value of a kind that is not below ``at_least``; "" for none."""
        wanted = "SELECT value FROM refs WHERE kind = ? AND value >= ? ORDER BY value LIMIT 1"
        with self._lock, _explained(self._path):
            found = self._db.execute(wanted, (kind, at_least)).fetchone()
        return str(found[0]) if found else ""

    def open(self) -> tuple[Row, ...]:
        """The intents that no outcome has closed yet, ascending."""
        return self._rows("WHERE seq IN (SELECT seq FROM intents) ORDER BY seq")

    @contextmanager
    def snapshot(self) -> Iterator["SqliteSnapshot"]:
        """The whole store at one moment: one read transaction over one connection."""
        with _explained(self._path), self._reader() as db:
            db.execute("BEGIN")
            db.execute("SELECT 1 FROM entries LIMIT 1").fetchone()  # the moment is now
            yield SqliteSnapshot(db, self._path)

    def _opened(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = self._connected()
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self._path, timeout=self._wait, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Make the tables in a new file; refuse a file that is not ours, or newer than we are."""
        application, version = (_pragma(db, name) for name in ("application_id", "user_version"))
        if (application, version) == (0, 0):
            _make(db, self._path)
        elif application != APPLICATION:
            raise _not_ours(self._path)
        elif version > FORMAT:
            what = f"the record has format {version}, this Fairlead knows {FORMAT}: {self._path}"
            raise FairleadError(what, "use the Fairlead that wrote it, or a newer one")
        _write_ahead(db, self._wait)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own, so that a long read holds up no one."""
        db = self._connected()
        try:
            db.execute("PRAGMA query_only = 1")
            yield db
        finally:
            db.close()

    def _head(self) -> tuple[int, bytes]:
        found = self._db.execute(
            "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return (int(found[0]), bytes(found[1])) if found else (0, bytes(32))

    def _rows(self, where: str, *values: object) -> tuple[Row, ...]:
        with self._lock, _explained(self._path):
            found = self._db.execute(f"SELECT {_ROW} FROM entries {where}", values)  # noqa: S608
            return tuple(map(_row, found))

    def _keep(self, sealed: Sealed) -> None:
        seq = sealed.row.seq
        self._db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", sealed.row)
        self._db.executemany(
            "INSERT INTO refs VALUES (?, ?, ?)", ((seq, *r) for r in sealed.references)
        )
        if sealed.opens:
            self._db.execute("INSERT INTO intents VALUES (?)", (seq,))
        if sealed.closes:
            self._db.execute("DELETE FROM intents WHERE seq = ?", (sealed.closes,))


class SqliteSnapshot:
    """A ``record.ports.Snapshot`` inside one read transaction."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    def rows(self) -> Iterator[Row]:
        """Every row in the order of ``seq``, a few at a time."""
        return map(_row, self._each(f"SELECT {_ROW} FROM entries ORDER BY seq"))  # noqa: S608

    def index(self) -> Iterator[tuple[int, str, str]]:
        """The whole index as (number, kind, value), in that order."""
        return self._each(f"SELECT {_LINE} FROM refs ORDER BY refs.seq, refs.kind, refs.value")  # noqa: S608

    def open(self) -> tuple[int, ...]:
        """The numbers of the open intents, ascending."""
        return tuple(seq for (seq,) in self._each("SELECT seq FROM intents ORDER BY seq"))

    def sound(self) -> str:
        """ "" when SQLite finds every page and every index entry where it should be."""
        (found,) = next(self._each("PRAGMA integrity_check(1)"))
        return "" if found == "ok" else str(found)

    def _each(self, query: str) -> Iterator[Any]:
        with _explained(self._path):
            # Through map(), which has no close(): a walk that stops early must not close the
            # cursor later, when its connection is gone.
            yield from map(tuple, self._db.execute(query))


def _make(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables; another process may be doing the same."""
    db.execute("BEGIN IMMEDIATE")
    if _pragma(db, "user_version") == 0:
        if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise _not_ours(path)
        for statement in _SCHEMA.split(";")[:-1]:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
    db.execute("COMMIT")
    _sync_directory(path.parent)


def _not_ours(path: Path) -> FairleadError:
    return FairleadError(f"not a record: {path}", "move it away, or name another directory")


def _write_ahead(db: sqlite3.Connection, wait: float) -> None:
    """Switch to the write-ahead log. SQLite does not wait by itself for another that switches."""
    deadline = time.monotonic() + wait
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _sync_directory(path: Path) -> None:
    """Make a new file's name durable, not only what is in it."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what SQLite or the system met as an error of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _error(path, error) from error
    except OSError as error:
        what = f"the record cannot be opened: {path}: {error.strerror}"
        raise FairleadError(
            what, f"ls -ld {path.parent}; make it readable and writable by you"
        ) from error


def _error(path: Path, error: sqlite3.Error) -> FairleadError:
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy(f"another process keeps the record to itself: {path}", f"fuser -v {path}")
    if code & 0xFF == sqlite3.SQLITE_FULL or code in _FULL:
        return FairleadError(
            f"no room to write the record: {path}", f"make room: df -h {path.parent}"
        )
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        hint = f"keep a copy of {path} and the files beside it; then put a backup of them back"
        return FairleadError(f"the record is damaged: {path}: {error}", hint)
    if code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return FairleadError(
            f"the record cannot be opened: {path}: {error}", f"ls -l {path.parent}"
        )
    return FairleadError(f"the record failed: {path}: {error}", "fairlead record verify")
