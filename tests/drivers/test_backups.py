"""Backups of real SQLite and PostgreSQL databases, and what can go wrong with them."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters import Cluster
from contracts import backups
from contracts.backups import ROWS
from fairlead.base.errors import FairleadError, UsageError
from fairlead.drivers import _postgres
from fairlead.drivers import backups as driver
from fairlead.drivers.backups import DatabaseBackups


def fill(path: Path) -> None:
    """A database of two tables with the contract's rows, in WAL mode, with an index and a view."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """PRAGMA journal_mode=WAL; CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE "order" (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX i ON customer(name);
            CREATE VIEW v AS SELECT name FROM customer;"""
        )
        connection.executemany("INSERT INTO customer(name) VALUES (?)", [("a",), ("b",), ("c",)])
        connection.executemany('INSERT INTO "order"(text) VALUES (?)', [("x" * 500,)] * 4)
        connection.commit()


class SqliteWorld:
    """A directory with a database, one that is damaged, and none."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "a ;shop%20.sqlite"
        fill(self.path)
        damaged = directory / "damaged.sqlite"
        damaged.write_bytes(b"no database" * 1000)
        self.url = f"sqlite:///{str(self.path)[1:].replace('%', '%25')}"
        self.absent, self.broken = f"sqlite:///{directory}/none.sqlite", f"sqlite:///{damaged}"
        self.directory = str(directory / "backups")
        self.backups = DatabaseBackups()

    def restored(self, path: str) -> dict[str, int]:
        """Opened from a place of its own, without any file beside it."""
        with tempfile.TemporaryDirectory() as alone:
            copy = shutil.copy(path, alone)
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                return dict(driver._counts(connection))


class TestSqliteBackups(backups.BackupsContract):
    """The contract, on SQLite."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> SqliteWorld:
        return SqliteWorld(tmp_path)

    def test_it_is_one_private_file(self, world: SqliteWorld) -> None:
        """No journal or WAL beside it; readable by its owner only; the source is untouched."""
        taken = world.backups.take(world.url, world.directory, "before-7")
        assert [path.name for path in Path(world.directory).iterdir()] == ["before-7.sqlite"]
        assert Path(taken.path).stat().st_mode & 0o777 == 0o600
        assert taken.bytes == Path(taken.path).stat().st_size
        assert world.restored(str(world.path)) == ROWS

    def test_a_backup_under_writes_is_one_moment(self, world: SqliteWorld) -> None:
        """Two tables that are always written together are equal in the backup."""
        done = threading.Event()

        def write() -> None:
            with contextlib.closing(sqlite3.connect(world.path, timeout=10)) as connection:
                connection.execute("DELETE FROM customer")
                connection.execute('DELETE FROM "order"')
                connection.commit()
                while not done.is_set():
                    connection.execute("INSERT INTO customer(name) VALUES ('n')")
                    connection.execute("INSERT INTO \"order\"(text) VALUES ('t')")
                    connection.commit()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(10):
                taken = world.backups.take(world.url, world.directory, f"b{number}")
                rows = world.restored(taken.path)
                assert rows == ROWS or rows["customer"] == rows["order"]
        finally:
            done.set()
            writer.join()

    def test_a_database_with_a_broken_page_is_no_backup(self, world: SqliteWorld) -> None:
        """The copy is as damaged as its source: the reading back finds it."""
        with contextlib.closing(sqlite3.connect(world.path)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            (page,) = connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = 'i'"
            ).fetchone()
        with world.path.open("r+b") as file:
            file.seek((page - 1) * size + 3)
            file.write(b"\x00\x07")
        with pytest.raises(FairleadError):
            world.backups.take(world.url, world.directory, "before-7")
        assert list(Path(world.directory).iterdir()) == []

    def test_no_room_is_said_with_figures(
        self, world: SqliteWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before anything is written."""
        usage = shutil.disk_usage("/")._replace(free=1234)
        monkeypatch.setattr(driver.shutil, "disk_usage", lambda _path: usage)
        with pytest.raises(FairleadError, match="1,234 are free"):
            world.backups.take(world.url, world.directory, "before-7")
        assert list(Path(world.directory).iterdir()) == []

    def test_a_disk_that_fills_up_leaves_nothing(
        self, world: SqliteWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A real file system of 64 kB, that somebody fills after we looked how much is free."""
        mounted = Path(world.directory)
        mounted.mkdir()
        options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mounted)]
        if os.getuid() or subprocess.run(["mount", *options], capture_output=True).returncode:
            pytest.skip("needs the right to mount a file system: would try a disk that is full")
        try:
            ballast = mounted / "ballast"
            looked = driver._need_space
            monkeypatch.setattr(
                driver, "_need_space", lambda *at: (looked(*at), ballast.write_bytes(b"x" * 60_000))
            )
            with pytest.raises(FairleadError, match="bytes are free"):
                world.backups.take(world.url, world.directory, "before-7")
            assert [path.name for path in mounted.iterdir()] == ["ballast"]
        finally:
            subprocess.run(["umount", str(mounted)], check=True)

    def test_a_directory_that_cannot_be_made_is_an_error(self, world: SqliteWorld) -> None:
        """Not a traceback."""
        Path(world.directory).write_text("a file is in the way")
        with pytest.raises(FairleadError, match="the backup failed"):
            world.backups.take(world.url, world.directory, "before-7")


@pytest.mark.parametrize(
    "url",
    ["mysql://host/db", "sqlite://", "sqlite:///", "sqlite:relative.db", "sqlite://host/x", ""],
)
def test_other_urls_are_refused(url: str, tmp_path: Path) -> None:
    """With the forms that are known."""
    with pytest.raises(UsageError) as caught:
        DatabaseBackups().take(url, str(tmp_path / "b"), "before-7")
    assert caught.value.hint


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "a\0b"])
def test_odd_names_are_refused(name: str, tmp_path: Path) -> None:
    """A backup lies in its directory and nowhere else."""
    with pytest.raises(UsageError):
        DatabaseBackups().take(f"sqlite:///{tmp_path}/x", str(tmp_path / "b"), name)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://ada:p%40ss%3A@db.example:6543/shop?sslmode=require",
            "PGDATABASE=shop PGHOST=db.example PGPASSWORD=p@ss: PGPORT=6543 PGSSLMODE=require PGUSER=ada",
        ),
        ("postgresql:///shop?host=/run/pg", "PGDATABASE=shop PGHOST=/run/pg"),
        ("postgres://%2Frun%2Fpg/shop", "PGDATABASE=shop PGHOST=/run/pg"),
    ],
)
def test_postgres_urls_become_variables(url: str, expected: str) -> None:
    """Of a connection URI as libpq has it, and nothing of ours."""
    found = _postgres.variables(url)
    pairs = sorted(f"{key}={value}" for key, value in found.items() if key.startswith("PG"))
    assert " ".join(pairs) == expected


def test_an_unknown_parameter_is_named() -> None:
    """Rather than left out."""
    with pytest.raises(UsageError, match="gssencmode"):
        _postgres.variables("postgres://h/d?gssencmode=disable")


def test_without_pg_dump_its_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to install is in the hint."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FairleadError) as caught:
        DatabaseBackups().take("postgres://h/d", str(tmp_path / "b"), "before-7")
    assert "postgresql-client" in caught.value.hint


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    made.sql("postgres", "CREATE DATABASE shop;")
    made.sql(
        "shop",
        'CREATE TABLE customer (id int, name text); CREATE TABLE "order" (id int, text text);'
        " INSERT INTO customer VALUES (1, E'COPY x FROM stdin;\\n'), (2, E'\\\\.'), (3, NULL);"
        " INSERT INTO \"order\" SELECT i, 't' FROM generate_series(1, 4) i;",
    )
    yield made
    made.close()


class PostgresWorld:
    """The cluster's database, one that does not exist, and a wrong password."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster = cluster
        self.url, self.absent = cluster.url("shop"), cluster.url("none")
        self.broken = cluster.url("shop", "wrong-hush")
        self.directory = str(directory / "backups")
        self.backups = DatabaseBackups()
        self.databases = 0

    def restored(self, path: str) -> dict[str, int]:
        if not any(Path(path).iterdir()):
            return {}
        self.databases += 1
        name = f"back{self.databases}_{os.urandom(4).hex()}"
        self.cluster.sql("postgres", f"CREATE DATABASE {name};")
        with tempfile.TemporaryDirectory() as readable:
            Path(readable).chmod(0o755)
            copy = shutil.copytree(path, Path(readable) / "dump")
            copy.chmod(0o755)
            for file in copy.iterdir():
                file.chmod(0o644)
            self.cluster.run(
                "pg_restore", "-U", "ada", "-h", str(self.cluster.root), "-d", name, str(copy)
            )
        counts = "SELECT 'customer', count(*) FROM customer UNION SELECT 'order', count(*) FROM \"order\""
        lines = self.cluster.sql(name, f"{counts} ORDER BY 1;").split()
        return {key: int(value) for key, value in (line.split("|") for line in lines)}


class TestPostgresBackups(backups.BackupsContract):
    """The contract, on PostgreSQL."""

    @pytest.fixture
    def world(self, cluster: Cluster, tmp_path: Path) -> PostgresWorld:
        return PostgresWorld(cluster, tmp_path)

    def test_a_password_is_in_no_error(self, world: PostgresWorld) -> None:
        """What pg_dump says is passed on, without it."""
        with pytest.raises(FairleadError, match="password authentication failed") as caught:
            world.backups.take(world.broken, world.directory, "before-7")
        assert "wrong-hush" not in str(caught.value)

    def test_a_dump_that_lost_a_file_is_found(self, world: PostgresWorld, tmp_path: Path) -> None:
        """The reading back reads all of it, not only its table of contents."""
        taken = world.backups.take(world.url, world.directory, "before-7")
        data = next(Path(taken.path).glob("*.dat.gz"))
        data.write_bytes(data.read_bytes()[:20])
        source = driver._PostgresSource(world.url)
        with pytest.raises(FairleadError):
            source._restored(shutil.which("pg_restore") or "", Path(taken.path))
