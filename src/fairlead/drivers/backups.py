"""Backups of SQLite and PostgreSQL databases, each read back before it counts.

A backup is made under a name beginning with a dot beside its place and gets its own name only
when it has been read back and is on disk; a backup that exists is never written over.
Passwords go to PostgreSQL's programs in their environment, never in an argument list
(``_postgres``).
"""

import os
import shutil
import sqlite3
import subprocess
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from fairlead.base.errors import FairleadError, UsageError
from fairlead.drivers._postgres import Client, is_url, program, variables, workers
from fairlead.rollout.ports import BackupTaken

Counts = Mapping[str, int]
"""Rows by table."""

_LOCK_WAIT = "30s"
"""How long a dump waits for a table that somebody holds alone (pg_dump(1), --lock-wait-timeout)."""


class DatabaseBackups:
    """The Backups port: by the URL's scheme, SQLite or PostgreSQL."""

    def take(self, url: str, directory: str, name: str) -> BackupTaken:
        """Back up ``url`` into ``directory``/``name``.sqlite or .pgdump and read it back.

        ``sqlite:///absolute/path`` (or four slashes), or ``postgres://…`` as libpq has it.
        Raises UsageError for another URL, FairleadError when it could not be done whole.
        """
        scheme = url.partition(":")[0]
        if scheme == "sqlite":
            return self._whole(directory, f"{name}.sqlite", _SqliteSource(url).copy)
        if is_url(url):
            return self._whole(directory, f"{name}.pgdump", _PostgresSource(url).copy)
        raise UsageError(
            f"no backup is known for a database of scheme {scheme!r}",
            "sqlite:///absolute/path or postgres://user@host/database",
        )

    def size(self, url: str) -> int | None:
        """How many bytes a backup takes at the most; None is not known, as of another URL."""
        if url.startswith("sqlite:"):
            return _SqliteSource(url).size()
        return _PostgresSource(url).size() if is_url(url) else None

    def _whole(self, directory: str, name: str, copy: Callable[[Path], str]) -> BackupTaken:
        """Copy to a hidden name, make it durable, rename; on any error leave nothing."""
        if "/" in name or "\0" in name or name.startswith("."):
            raise UsageError(f"not a name for a backup: {name!r}", "use a plain file name")
        base = Path(directory)
        part = base / f".{name}.{os.getpid()}.part"
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove(part)
            proof = copy(part)
            size = _sync(part)
            final = _free_name(base / name)
            part.rename(final)
            _sync_directory(base)
        except (OSError, sqlite3.Error) as error:
            raise _failed(error, base) from error
        finally:
            _remove(part)
        return BackupTaken(str(final), size, proof)


class _SqliteSource:
    """A SQLite file, read only."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        path = urllib.parse.unquote(parts.path)
        if parts.netloc or not path.startswith("/") or path == "/":
            what = "not the URL of a SQLite file: a backup needs sqlite:///absolute/path"
            raise UsageError(what, "give the setting an absolute path")
        self.path = Path("/" + path.lstrip("/"))

    def size(self) -> int:
        """Its bytes; 0 where there is none."""
        return self.path.stat().st_size if self.path.exists() else 0

    def copy(self, to: Path) -> str:
        """Copy it through SQLite's backup API and read the copy back; the proof."""
        if not self.path.exists():
            to.touch(mode=0o600)
            return f"an empty backup: there is no database yet: {self.path}"
        _need_space(self.size(), to.parent)
        to.touch(mode=0o600)
        expected = self._copied(to)
        found = _read_back(to)
        if found != expected:
            different = sorted(t for t in {*found, *expected} if found.get(t) != expected.get(t))
            what = f"the backup does not read back as its source: {', '.join(different)}"
            raise FairleadError(what, f"sqlite3 {self.path} 'PRAGMA integrity_check'")
        return f"{len(found)} tables, {sum(found.values()):,} rows, integrity ok"

    def _copied(self, to: Path) -> Counts:
        """Copy one snapshot, and count that same snapshot: both in one read transaction."""
        with closing(_opened(self.path)) as source, closing(sqlite3.connect(to)) as copy:
            source.execute("BEGIN")
            counts = _counts(source)
            source.backup(copy)
            source.execute("ROLLBACK")
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, also when the source has a WAL
        return counts


def _opened(path: Path) -> sqlite3.Connection:
    uri = f"file:{urllib.parse.quote(str(path))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)


def _read_back(path: Path) -> Counts:
    """Rows by table of a copy that SQLite finds whole. Raises FairleadError otherwise."""
    with closing(_opened(path)) as copy:
        said = [line for (line,) in copy.execute("PRAGMA integrity_check(5)")]
        if said != ["ok"]:
            what = f"the backup does not read back: {'; '.join(said)}"
            raise FairleadError(what, "the database itself may be damaged; check it")
        return _counts(copy)


def _counts(connection: sqlite3.Connection) -> Counts:
    """Rows by table. Virtual tables keep theirs in ordinary ones, which are counted."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
        " ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    ).fetchall()
    return {name: _rows(connection, name) for (name,) in tables}


def _rows(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    (count,) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608
    return int(count)


class _PostgresSource:
    """A PostgreSQL database, by pg_dump and pg_restore."""

    def __init__(self, url: str) -> None:
        self.client = Client(variables(url))

    def copy(self, to: Path) -> str:
        """Dump it in the directory format and restore the dump to nowhere; the proof."""
        dump, restore = program("pg_dump"), program("pg_restore")
        size = self.size()
        if size is not None:
            _need_space(size, to.parent)
        run = self.client.run(
            [dump, "--no-password", "--format=directory", f"--jobs={workers()}",
             f"--lock-wait-timeout={_LOCK_WAIT}", f"--file={to}"]
        )  # fmt: skip
        said, database = self.client.words(run.stderr), self.client.database
        if run.returncode and f'database "{database}" does not exist' in said:
            _remove(to)
            to.mkdir(mode=0o700)
            return f"an empty backup: there is no database yet: {database}"
        _checked(run.returncode, "pg_dump", said)
        listed = self.client.run([restore, "--list", str(to)])
        _checked(listed.returncode, "pg_restore --list", self.client.words(listed.stderr))
        tables = sum(1 for line in listed.stdout.splitlines() if b" TABLE DATA " in line)
        rows = self._restored(restore, to)
        return f"{tables} tables, {rows:,} rows, restored to nowhere whole"

    def size(self) -> int | None:
        """Bytes of all tables, without their indexes: a dump has none, and is packed besides.

        None when the server does not say.
        """
        try:
            ((size,),) = self.client.query(_TABLES)
        except (FairleadError, ValueError):
            return None
        return int(size)

    def _restored(self, restore: str, dump: Path) -> int:
        """Restore all of it as a script that nobody runs, counting the rows in it."""
        argv = [restore, "--file=-", str(dump)]
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.client.environment,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            rows, copying = 0, False
            for line in process.stdout:
                if copying:
                    copying = line != b"\\.\n"
                    rows += copying
                else:
                    copying = line.startswith(b"COPY ") and line.endswith(b"FROM stdin;\n")
            said = self.client.words(process.stderr.read())
        _checked(process.returncode, "pg_restore", said)
        return rows


_TABLES = """
SELECT coalesce(sum(pg_table_size(oid)), 0) FROM pg_class
WHERE relkind IN ('r', 'm') AND relnamespace NOT IN
(SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema');
"""


def _checked(code: int, program: str, said: str) -> None:
    if code:
        raise FairleadError(
            f"the backup failed: {program} ended with {code}: {said}", "see its words"
        )


def _need_space(size: int, directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if size > free:
        what = f"no room for a backup in {directory}: it needs {size:,} bytes, {free:,} are free"
        raise FairleadError(what, "free some space, or remove old backups")


def _failed(error: Exception, directory: Path) -> FairleadError:
    try:
        free = f"; {shutil.disk_usage(directory).free:,} bytes are free in {directory}"
    except OSError:
        free = ""
    return FairleadError(f"the backup failed: {error}{free}", "nothing of it was kept; try again")


def _free_name(path: Path) -> Path:
    """The path, or the first of path-2, path-3 … that is free."""
    free, number = path, 1
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _sync(path: Path) -> int:
    """Make a file, or a directory of files, durable; its size in bytes."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    if path.is_dir():
        _sync_directory(path)
    return sum(file.stat().st_size for file in files)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(handle)
    os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    for file in (path, path.with_name(path.name + "-journal")):
        with suppress(NotADirectoryError):  # what was to be its directory is a file
            file.unlink(missing_ok=True)
