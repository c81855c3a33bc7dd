"""Marks and leases of one home, in one SQLite file.

Every write is one transaction with full sync (sqlite.org/pragma.html#pragma_synchronous), so it
is durable before a call returns. A write of marks carries its lease's token and is refused, in
the same transaction, when a newer one has been given out (fencing).
"""

import os
import platform
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from fairlead.artifact.model import Schema
from fairlead.base.clock import stamp
from fairlead.base.errors import Busy, FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.drivers._proc import born
from fairlead.plan.model import Job
from fairlead.rollout.ports import LeaseHeld, Marks

LEASE_LASTS = 15.0
"""Seconds that a lease holds without a heartbeat."""

_PATIENCE = 10.0  # seconds to wait for another process's transaction
_VERSION = 1
_TABLES = """
CREATE TABLE lease (place TEXT PRIMARY KEY, token INTEGER NOT NULL, owner TEXT NOT NULL,
    reason TEXT NOT NULL, since REAL NOT NULL, expires REAL NOT NULL, held INTEGER NOT NULL);
CREATE TABLE fence (place TEXT PRIMARY KEY, token INTEGER NOT NULL);
CREATE TABLE job (place TEXT, kind TEXT, release INTEGER, body BLOB NOT NULL,
    PRIMARY KEY (place, kind, release));
CREATE TABLE mark (place TEXT, name TEXT, body BLOB NOT NULL, PRIMARY KEY (place, name));
"""
_OWNER = re.compile(
    r".* \[process (?P<pid>\d+) begun (?P<born>\d+) boot (?P<boot>[0-9a-f]{8}) "
    r"ns (?P<ns>\d+) host (?P<host>\S+)\]",
    re.DOTALL,
)


class StateFile:
    """The file, opened when first needed. One connection, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent look. Raises FairleadError when the file cannot be read."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of it durable at the end, or, on an error, none. Raises FairleadError."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close it; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __del__(self) -> None:
        """A connection nobody can use any more is closed."""
        self.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._opened()
                connection.execute(begin)
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
            except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
                raise self._failed(error) from error

    def _failed(self, error: Exception) -> FairleadError:
        full = "full" in str(error)
        hint = "free some space" if full else f"sqlite3 {self.path} 'PRAGMA integrity_check'"
        return FairleadError(f"the state cannot be used: {self.path}: {error}", hint)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open_patiently()
        return self._connection

    def _open_patiently(self) -> sqlite3.Connection:
        """Open it; while another process makes it, SQLite says busy without waiting."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._open()
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def _open(self) -> sqlite3.Connection:
        # Only when it is new: closing a descriptor of a file drops all of this process's locks
        # on it (fcntl(2)), also those that SQLite holds.
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables once. Raises FairleadError for a file of a newer Fairlead's."""
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _TABLES.split(";")[:-1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={_VERSION}")
        connection.execute("COMMIT")
        if version > _VERSION:
            what = f"the state has format {version}, newer than {_VERSION}: {self.path}"
            raise FairleadError(what, "use the newer Fairlead that wrote it")


class SqliteMarkStore:
    """The MarkStore port on the state file."""

    def __init__(self, file: StateFile) -> None:
        self._file = file

    def read(self, place: Place) -> Marks:
        """The marks of a place; empty for one never heard of."""
        with self._file.reading() as connection:
            jobs = connection.execute(
                "SELECT body FROM job WHERE place = ? ORDER BY release, kind", (str(place),)
            ).fetchall()
            rows = connection.execute(
                "SELECT name, body FROM mark WHERE place = ?", (str(place),)
            ).fetchall()
            marks = dict(rows)
            return Marks(
                jobs=tuple(msgspec.json.decode(body, type=Job) for (body,) in jobs),
                schema=msgspec.json.decode(marks.get("schema", b"null"), type=Schema | None),
                prepared=msgspec.json.decode(marks.get("prepared", b"[]"), type=tuple[int, ...]),
                adopted=msgspec.json.decode(marks.get("adopted", b"[]"), type=tuple[str, ...]),
            )

    def put_job(self, place: Place, job: Job, token: int) -> None:
        """Remember a job's newest run."""
        row = (str(place), job.kind.value, job.release, msgspec.json.encode(job))
        with self._fenced(place, token) as connection:
            connection.execute("INSERT OR REPLACE INTO job VALUES (?, ?, ?, ?)", row)

    def put_schema(self, place: Place, schema: Schema, token: int) -> None:
        """Remember what the last migration left behind."""
        self._put(place, "schema", msgspec.json.encode(schema), token)

    def put_prepared(self, place: Place, releases: tuple[int, ...], token: int) -> None:
        """Remember which releases are laid out."""
        self._put(place, "prepared", msgspec.json.encode(sorted(set(releases))), token)

    def put_adopted(self, place: Place, adopted: tuple[str, ...]) -> None:
        """Remember which changes a person accepted."""
        row = (str(place), "adopted", msgspec.json.encode(sorted(set(adopted))))
        with self._file.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", row)

    def _put(self, place: Place, name: str, body: bytes, token: int) -> None:
        with self._fenced(place, token) as connection:
            row = (str(place), name, body)
            connection.execute("INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", row)

    @contextmanager
    def _fenced(self, place: Place, token: int) -> Iterator[sqlite3.Connection]:
        """A transaction that only the newest holder of the place's lease gets."""
        with self._file.writing() as connection:
            question = "SELECT max(token) FROM (SELECT token FROM fence WHERE place = :p UNION ALL"
            question += " SELECT token FROM lease WHERE place = :p)"
            (newest,) = connection.execute(question, {"p": str(place)}).fetchone()
            if token < (newest or 0):
                what = f"the lease was lost: {place}: token {token} is older than {newest}"
                hint = "whoever holds the lease now carries on; look with fairlead status"
                raise Refused(what, hint)
            connection.execute("INSERT OR REPLACE INTO fence VALUES (?, ?)", (str(place), token))
            yield connection


class SqliteLeases:
    """The Leases port on the state file. Owners come from ``this_process``; of any other
    owner it is not known whether it lives, so only time makes its lease stale."""

    def __init__(self, file: StateFile, lasts: float = LEASE_LASTS) -> None:
        self._file = file
        self._lasts = lasts

    def take(self, place: Place, owner: str, reason: str, now: float) -> LeaseHeld:
        """Take it, also from a stale holder. Raises Busy: by whom, since when, why."""
        with self._file.writing() as connection:
            row = connection.execute(
                "SELECT token, owner, reason, since, expires, held FROM lease WHERE place = ?",
                (str(place),),
            ).fetchone()
            taken_from = self._stale(place, row, now) if row and row[5] else ""
            token = (row[0] if row else 0) + 1
            expires = now + self._lasts
            values = (str(place), token, owner, reason, now, expires)
            connection.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, 1)", values)
            return LeaseHeld(place, owner, reason, token, now, expires, taken_from)

    def renew(self, held: LeaseHeld, now: float) -> LeaseHeld:
        """Heartbeat. Raises Refused when it is another's or nobody's now."""
        expires = now + self._lasts
        with self._file.writing() as connection:
            changed = connection.execute(
                "UPDATE lease SET expires = ? WHERE place = ? AND token = ? AND held",
                (expires, str(held.place), held.token),
            ).rowcount
            if not changed:
                raise Refused(f"the lease was lost: {held.place}", "look at who holds it, and wait")
        return msgspec.structs.replace(held, expires=expires)

    def release(self, held: LeaseHeld) -> None:
        """Give it back; harmless when it was taken over."""
        with self._file.writing() as connection:
            connection.execute(
                "UPDATE lease SET held = 0 WHERE place = ? AND token = ?",
                (str(held.place), held.token),
            )

    def holder(self, place: Place) -> LeaseHeld | None:
        """Who holds it by the file, stale or not; for showing."""
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT owner, reason, token, since, expires FROM lease WHERE place = ? AND held",
                (str(place),),
            ).fetchone()
        return LeaseHeld(place, *row) if row else None

    def _stale(self, place: Place, row: tuple[int, str, str, float, float, int], now: float) -> str:
        """Who held it, since when, and why it is stale. Raises Busy when it is not."""
        _, owner, reason, since, expires, _ = row
        who = f"{owner} since {stamp(since)} ({reason})"
        why = gone(owner)
        if not why and now >= expires:
            why = f"no heartbeat since {stamp(expires - self._lasts)}"
        if not why:
            raise Busy(f"{place} is held by {who}", "wait for it; fairlead status shows it")
        return f"{who}: {why}"


def this_process(who: str) -> str:
    """The owner text of this process: enough to tell later whether it still lives.

    A process id alone comes back; with its start (proc(5): stat, field 22), the boot and the
    id namespace it is unique.
    """
    pid = os.getpid()
    host = re.sub(r"\s", "-", platform.node()) or "-"
    facts = f"process {pid} begun {_born(pid)} boot {_boot()} ns {_namespace()} host {host}"
    return f"{who} [{facts}]"


def gone(owner: str) -> str:
    """Why the owner's process is surely gone; "" when it lives or that cannot be known here."""
    parts = _OWNER.fullmatch(owner)
    if parts is None or parts["host"] != (re.sub(r"\s", "-", platform.node()) or "-"):
        return ""
    if parts["boot"] != _boot():
        return "the machine has started anew since"
    if parts["ns"] != _namespace():
        return ""
    pid = int(parts["pid"])
    return "" if _born(pid) == parts["born"] else f"its process {pid} is gone"


def _born(pid: int) -> str:
    """When a process began, in ticks since boot; "0" when it is gone."""
    return born(pid) or "0"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


def _namespace() -> str:
    return re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))
