"""Marks and leases on SQLite keep their ports' contracts, also between real processes."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contracts import leases, marks
from contracts.leases import NOW, PLACE
from fairlead.base.errors import Busy, FairleadError
from fairlead.drivers.state import SqliteLeases, SqliteMarkStore, StateFile, gone, this_process

HOLDER = """
import sys, time
from pathlib import Path
from fairlead.base.errors import Busy
from fairlead.base.ids import Place
from fairlead.drivers.state import SqliteLeases, StateFile, this_process
leases = SqliteLeases(StateFile(Path(sys.argv[1])))
while time.time() < float(sys.argv[2]):
    pass
try:
    held = leases.take(Place("shop", "production"), this_process("ada"), "release 7", time.time())
    print("took", held.token, flush=True)
    sys.stdin.read()
except Busy as busy:
    print("busy", busy.what, flush=True)
"""


def holder(path: Path, start: float = 0.0) -> "subprocess.Popen[str]":
    """A process that takes the lease at a moment, and holds it until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(start)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: "subprocess.Popen[str]") -> str:
    """What it says first."""
    assert process.stdout is not None
    return process.stdout.readline()


class World:
    """One state file."""

    def __init__(self, directory: Path) -> None:
        self.file = StateFile(directory / "state.sqlite")
        self.others: list[StateFile] = []
        self.leases = SqliteLeases(self.file)
        self.marks = SqliteMarkStore(self.file)
        self.lasts = 15.0
        self.living = this_process("ada")
        with subprocess.Popen(["sleep", "0"]) as ended:
            pid = ended.pid
        self.dead = re.sub(r"process \d+", f"process {pid}", this_process("bob"))

    def again(self) -> SqliteMarkStore:
        self.others.append(StateFile(self.file.path))
        return SqliteMarkStore(self.others[-1])

    def close(self) -> None:
        for file in [self.file, *self.others]:
            file.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


class TestSqliteLeases(leases.LeasesContract):
    """The contract, on SQLite."""


class TestSqliteMarkStore(marks.MarksContract):
    """The contract, on SQLite."""


def test_of_many_at_once_exactly_one_proceeds(world: World) -> None:
    """Real processes on a file that does not exist yet; the others learn who has it."""
    start = time.time() + 1.0
    processes = [holder(world.file.path, start) for _ in range(6)]
    said = [line(process) for process in processes]
    for process in processes:
        process.communicate()
    took = [words for words in said if words.startswith("took")]
    assert took == ["took 1\n"]
    busy = [words for words in said if words.startswith("busy")]
    assert len(busy) == 5
    winner = processes[said.index(took[0])].pid
    assert all(f"process {winner} " in words and "release 7" in words for words in busy)


def test_a_killed_holder_is_taken_over_at_once(world: World) -> None:
    """kill -9: the next one proceeds, and can say who held it, since when, and why not any more."""
    process = holder(world.file.path)
    assert line(process) == "took 1\n"
    with pytest.raises(Busy, match=f"process {process.pid} "):
        world.leases.take(PLACE, world.living, "release 8", time.time())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    held = world.leases.take(PLACE, world.living, "release 8", time.time())
    assert held.token == 2
    for part in ("ada [", f"process {process.pid} ", "release 7", "is gone", " since 20"):
        assert part in held.taken_from


def test_a_process_that_was_killed_but_not_reaped_is_gone(world: World) -> None:
    """A zombie holds no lease."""
    process = holder(world.file.path)
    line(process)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    held = world.leases.take(PLACE, world.living, "release 8", time.time())
    process.communicate()
    assert "is gone" in held.taken_from


def test_an_owner_is_known_by_more_than_its_process_id() -> None:
    """The same id begun at another time, or before a restart of the machine, is another process;
    on another machine, or in another id namespace, nothing is known."""
    me = this_process("ada\n[process 1]")
    assert gone(me) == ""
    assert "is gone" in gone(re.sub(r"begun \d+", "begun 1", me))
    assert "started anew" in gone(re.sub(r"boot \w+", "boot 00000000", me))
    assert gone(re.sub(r"host \S+", "host elsewhere", me).replace("begun ", "begun 9")) == ""
    assert gone(re.sub(r"ns \d+", "ns 1", me).replace("begun ", "begun 9")) == ""
    assert gone("somebody") == ""


def test_threads_share_one_file(world: World) -> None:
    """Every thread's writes arrive, and tokens are each given once."""
    tokens: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            world.marks.put_job(PLACE, marks.job(release=number), 0)
        while len(tokens) < 4:
            with suppress(Busy):
                held = world.leases.take(marks.OTHER, f"thread {number}", "", NOW)
                tokens.append(held.token)
                world.leases.release(held)
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
        thread.join(0.01)
    for thread in threads:
        thread.join()
    assert [job.release for job in world.marks.read(PLACE).jobs] == [1, 2, 3, 4]
    assert sorted(set(tokens)) == [1, 2, 3, 4]


def test_writers_wait_for_each_other(world: World) -> None:
    """Several connections that each look and then write: none is turned away, none is lost."""
    errors: list[Exception] = []

    def work(number: int) -> None:
        store = world.again()
        try:
            for release in range(20):
                store.put_job(PLACE, marks.job(release=100 * number + release), 1)
        except FairleadError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(world.marks.read(PLACE).jobs) == 80


def test_the_holder_can_be_shown(world: World) -> None:
    """Who holds a place, or nobody."""
    assert world.leases.holder(PLACE) is None
    held = world.leases.take(PLACE, "ada", "release 7", NOW)
    assert world.leases.holder(PLACE) == held
    world.leases.release(held)
    assert world.leases.holder(PLACE) is None


def test_it_is_private_and_fully_synced(world: World) -> None:
    """Readable by its owner only; every commit reaches the disk."""
    world.leases.take(PLACE, "ada", "", NOW)
    assert world.file.path.stat().st_mode & 0o777 == 0o600
    with world.file.reading() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_damaged_file_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    """No marks is a fact; marks that cannot be read are not no marks."""
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"this is no database at all, but it is long enough to be looked at" * 20)
    file = StateFile(path)
    with pytest.raises(FairleadError, match="cannot be used") as caught:
        SqliteMarkStore(file).read(PLACE)
    assert "integrity_check" in caught.value.hint
    with pytest.raises(FairleadError):
        SqliteLeases(file).take(PLACE, "ada", "", NOW)


def test_a_mark_that_cannot_be_read_is_an_error(world: World) -> None:
    """Edited by hand: named, never skipped."""
    world.marks.put_job(PLACE, marks.job(), 1)
    with world.file.writing() as connection:
        connection.execute("UPDATE job SET body = x'7b7d'")
    with pytest.raises(FairleadError, match="cannot be used"):
        world.marks.read(PLACE)


def test_a_newer_format_is_refused(world: World) -> None:
    """An older Fairlead does not touch what it does not understand."""
    world.marks.put_job(PLACE, marks.job(), 1)
    with world.file.writing() as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(FairleadError, match="format 99"):
        world.again().read(PLACE)


def test_no_directory_is_an_error_with_a_hint(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(FairleadError, match="No such file"):
        SqliteMarkStore(StateFile(tmp_path / "none" / "state.sqlite")).read(PLACE)


def test_a_writer_killed_in_a_transaction_leaves_nothing_of_it(world: World) -> None:
    """All of a write or none of it."""
    world.marks.put_prepared(PLACE, (7,), 1)
    script = (
        "import os, sys, signal; from pathlib import Path\n"
        "from fairlead.drivers.state import StateFile\n"
        "with StateFile(Path(sys.argv[1])).writing() as c:\n"
        "    c.execute('DELETE FROM mark')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", script, str(world.file.path)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert world.again().read(PLACE).prepared == (7,)


def test_a_full_disk_is_said(world: World) -> None:
    """And what was there stays."""
    world.marks.put_prepared(PLACE, (7,), 1)
    with world.file.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(FairleadError, match="full") as caught:
        world.marks.put_prepared(PLACE, tuple(range(20_000)), 1)
    assert "space" in caught.value.hint
    assert world.marks.read(PLACE).prepared == (7,)


def test_it_is_an_ordinary_sqlite_file(world: World) -> None:
    """A person can look at it with sqlite3."""
    world.leases.take(PLACE, "ada", "release 7", NOW)
    connection = sqlite3.connect(world.file.path)
    try:
        rows = connection.execute("SELECT place, owner, reason FROM lease").fetchall()
    finally:
        connection.close()
    assert rows == [("shop/production", "ada", "release 7")]
