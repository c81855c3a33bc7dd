"""Backups of SQLite and PostgreSQL databases, each read back before it counts.

A backup is made under a name beginning with a dot beside its place and gets its own name only
when it has been read back and is on disk; a backup that exists is never written over.
Passwords go to PostgreSQL's programs in their environment
(postgresql.org/docs/current/libpq-envars.html), never in an argument list.
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
from fairlead.rollout.ports import BackupTaken

Counts = Mapping[str, int]
"""Rows by table."""

_PG_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "options": "PGOPTIONS",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}
_PG_SCHEMES = ("postgres", "postgresql", "postgis")


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
        if scheme in _PG_SCHEMES:
            return self._whole(directory, f"{name}.pgdump", _PostgresSource(url).copy)
        raise UsageError(
            f"no backup is known for a database of scheme {scheme!r}",
            "sqlite:///absolute/path or postgres://user@host/database",
        )

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

    def copy(self, to: Path) -> str:
        """Copy it through SQLite's backup API and read the copy back; the proof."""
        if not self.path.exists():
            to.touch(mode=0o600)
            return f"an empty backup: there is no database yet: {self.path}"
        _need_space(self.path, to.parent)
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
        self.environment = _pg_environment(url)
        self.database = self.environment.get("PGDATABASE", "")

    def copy(self, to: Path) -> str:
        """Dump it in the directory format and restore the dump to nowhere; the proof."""
        dump, restore = _program("pg_dump"), _program("pg_restore")
        run = self._run([dump, "--no-password", "--format=directory", f"--file={to}"])
        said = self._words(run.stderr)
        if run.returncode and f'database "{self.database}" does not exist' in said:
            _remove(to)
            to.mkdir(mode=0o700)
            return f"an empty backup: there is no database yet: {self.database}"
        _checked(run.returncode, "pg_dump", said)
        listed = self._run([restore, "--list", str(to)])
        _checked(listed.returncode, "pg_restore --list", self._words(listed.stderr))
        tables = sum(1 for line in listed.stdout.splitlines() if b" TABLE DATA " in line)
        rows = self._restored(restore, to)
        return f"{tables} tables, {rows:,} rows, restored to nowhere whole"

    def _restored(self, restore: str, dump: Path) -> int:
        """Restore all of it as a script that nobody runs, counting the rows in it."""
        argv = [restore, "--file=-", str(dump)]
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
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
            said = self._words(process.stderr.read())
        _checked(process.returncode, "pg_restore", said)
        return rows

    def _run(self, argv: list[str]) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self.environment,
            check=False,
        )

    def _words(self, said: bytes) -> str:
        """What a program said, in a line, without the password."""
        text = " ".join(said.decode("utf-8", "replace").split())[-500:]
        password = self.environment.get("PGPASSWORD", "")
        return text.replace(password, "…") if password else text


def _pg_environment(url: str) -> dict[str, str]:
    """libpq's variables for a connection URI (libpq-connect: Connection URIs)."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(
            "not the URL of a PostgreSQL database", "postgres://user@host/name"
        ) from None
    given = {
        "PGHOST": urllib.parse.unquote(parts.hostname or ""),
        "PGPORT": str(port or ""),
        "PGUSER": urllib.parse.unquote(parts.username or ""),
        "PGPASSWORD": urllib.parse.unquote(parts.password or ""),
        "PGDATABASE": urllib.parse.unquote(parts.path.lstrip("/")),
    }
    for key, value in urllib.parse.parse_qsl(parts.query):
        if key not in _PG_VARIABLES:
            known = ", ".join(sorted(_PG_VARIABLES))
            raise UsageError(
                f"the database's URL has a parameter not known here: {key}", f"known: {known}"
            )
        given[_PG_VARIABLES[key]] = value
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", **{key: value for key, value in given.items() if value}}


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FairleadError(f"a backup of PostgreSQL needs {name}", "apt install postgresql-client")
    return found


def _checked(code: int, program: str, said: str) -> None:
    if code:
        raise FairleadError(
            f"the backup failed: {program} ended with {code}: {said}", "see its words"
        )


def _need_space(source: Path, directory: Path) -> None:
    size, free = source.stat().st_size, shutil.disk_usage(directory).free
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
