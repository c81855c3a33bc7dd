"""The record's contract on SQLite, and what only a file can suffer."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.record_store import RecordStoreContract, event, put
from fairlead.base.clock import SystemClock, seconds_of
from fairlead.base.errors import Busy, FairleadError
from fairlead.base.journal import Outcome
from fairlead.drivers.record_sqlite import SqliteRecord
from fairlead.record.flow import Record, head_of, verify
from fairlead.record.model import Broken, Fault, Head, Verified

COUNT = 9

WRITER = """
import resource, sys
from pathlib import Path
from fairlead.base.clock import SystemClock
from fairlead.base.errors import FairleadError
from fairlead.base.journal import Event, Outcome, Verb
from fairlead.drivers.record_sqlite import SqliteRecord
from fairlead.record.flow import Record
path, who, many, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    record = Record(SqliteRecord(path), SystemClock())
    for number in range(1, many + 1):
        event = Event(Verb.STEP, Outcome.DONE, who, "why", facts={"pid": number})
        print(record.write(event), flush=True)
except FairleadError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def writer(path: Path, who: str, many: int, room: int = 0) -> subprocess.Popen[str]:
    """A process that writes ``many`` entries and prints their numbers; no file above ``room``."""
    argv = [sys.executable, "-c", WRITER, str(path), who, str(many), str(room)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class TestSqliteRecord(RecordStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteRecord]:
        store = SqliteRecord(tmp_path / "record.sqlite")
        yield store
        store.close()


def test_the_file_is_ours_alone_and_synchronous(tmp_path: Path) -> None:
    """Mode 0600, write-ahead log, full synchronisation: a commit is on the disk."""
    path = tmp_path / "record.sqlite"
    store = SqliteRecord(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_processes_never_fork_or_gap_the_chain(tmp_path: Path) -> None:
    """Four processes open a file that is not there yet and write at once."""
    path = tmp_path / "record.sqlite"
    writers = [writer(path, f"w{n}", 60) for n in range(4)]
    given = []
    for one in writers:
        out, err = one.communicate(timeout=60)
        assert one.returncode == 0, err
        given += [int(line) for line in out.split()]
    store = SqliteRecord(path)
    assert sorted(given) == list(range(1, 241))
    assert verify(store) == Verified(240, head_of(store))
    store.close()


def test_killed_while_appending_it_leaves_a_whole_chain(tmp_path: Path) -> None:
    """kill -9 at different moments: every number that was handed out is there, and all holds."""
    path = tmp_path / "record.sqlite"
    for round_ in range(6):
        one = writer(path, f"w{round_}", 10**6)
        assert one.stdout
        seen = [int(one.stdout.readline()) for _ in range(round_ * 7 + 1)]
        os.kill(one.pid, signal.SIGKILL)
        rest, _ = one.communicate(timeout=30)
        told = [
            *seen,
            *(int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")),
        ]
        store = SqliteRecord(path)
        found = verify(store)
        assert isinstance(found, Verified), found
        assert found.entries >= max(told)
        store.close()


def test_a_full_disk_is_an_error_and_leaves_the_chain_whole(tmp_path: Path) -> None:
    """A writer whose files may not grow fails with a hint; what it was told is kept, and no more."""
    path = tmp_path / "record.sqlite"
    SqliteRecord(path).close()
    one = writer(path, "w", 10**6, room=400_000)
    out, err = one.communicate(timeout=60)
    assert one.returncode == FairleadError.exit_code, err
    assert "no room to write the record" in err
    assert "hint: make room: df -h" in err
    assert "Traceback" not in err
    last = int(out.split()[-1])
    store = SqliteRecord(path)
    assert verify(store) == Verified(last, head_of(store))
    assert put(store, event(1)) == (last + 1,)
    store.close()


def test_a_writer_that_holds_on_is_named(tmp_path: Path) -> None:
    """When another keeps the file locked past the wait, it is Busy, and nothing was written."""
    path = tmp_path / "record.sqlite"
    store = SqliteRecord(path, wait=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy) as caught:
        put(store, event(1))
    assert caught.value.hint
    other.execute("ROLLBACK")
    assert put(store, event(1)) == (1,)
    other.close()
    store.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a database at all, but long enough to be taken for one" * 20, "damaged"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "damaged"),
    ],
)
def test_a_file_that_is_no_database_is_said_to_be(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """A damaged file is a FairleadError that names it, with a hint; the file is left as it is."""
    path = tmp_path / "record.sqlite"
    path.write_bytes(content)
    with pytest.raises(FairleadError) as caught:
        SqliteRecord(path)
    assert said in caught.value.what
    assert str(path) in caught.value.what
    assert caught.value.hint
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A SQLite file with other tables is not made into a record."""
    path = tmp_path / "record.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs(x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(FairleadError, match="not a record"):
        SqliteRecord(path)
    assert path.read_bytes() == before


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A record of a later format is left alone, and the way out is named."""
    path = tmp_path / "record.sqlite"
    SqliteRecord(path).close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 2")
    other.close()
    with pytest.raises(FairleadError, match="format 2"):
        SqliteRecord(path)


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    """No parent directory: an error with the path, never a traceback of SQLite's."""
    with pytest.raises(FairleadError, match="cannot be opened"):
        SqliteRecord(tmp_path / "absent" / "record.sqlite")


def test_a_damaged_page_is_named(tmp_path: Path) -> None:
    """Bytes of a page overwritten in the file: verify says damaged or edited, never Verified."""
    path = tmp_path / "record.sqlite"
    store = SqliteRecord(path)
    put(store, *(event(n) for n in range(1, 200)))
    store.close()
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        hurt = content.copy()
        hurt[page * 4096 : page * 4096 + 200] = bytes(200)
        path.write_bytes(hurt)
        try:
            store = SqliteRecord(path)
        except FairleadError:
            continue
        found = verify(store)
        store.close()
        assert isinstance(found, Broken), page
        assert found.how in (
            Fault.DAMAGED,
            Fault.INDEX_EDITED,
            Fault.EDITED,
            Fault.REMOVED,
            Fault.TRUNCATED,
        )


# The record edited by hand. Each act takes the file's connection and the entry it is done to,
# and gives the number that must be named and the fault that must be named.

Act = Callable[[sqlite3.Connection, int, int], tuple[int, set[Fault]]]


def edit_text(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("UPDATE entries SET body = replace(body, 'anna', 'mary') WHERE seq = ?", (k,))
    return k, {Fault.EDITED}


def edit_hash(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("UPDATE entries SET hash = zeroblob(32) WHERE seq = ?", (k,))
    return k, {Fault.EDITED}


def edit_previous(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("UPDATE entries SET previous = x'ff' WHERE seq = ?", (k,))
    return k, {Fault.EDITED}


def edit_time(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("UPDATE entries SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = ?", (k,))
    return k, {Fault.INDEX_EDITED}


def edit_and_rehash(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    forge(db, k, body_of(db, k).replace(b"anna", b"mary"))
    if k < COUNT:
        return k, {Fault.EDITED}
    return 5, {
        Fault.REWRITTEN
    }  # no later entry tells; the signed head does, and 4 was signed before


def remove(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("DELETE FROM entries WHERE seq = ?", (k,))
    return k, {Fault.REMOVED if k < COUNT else Fault.TRUNCATED}


def remove_and_close_up(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    remove(db, k, m)
    for seq in range(k + 1, COUNT + 1):
        db.execute("UPDATE entries SET seq = ? WHERE seq = ?", (seq - 1, seq))
    return k, {Fault.REMOVED if k < COUNT else Fault.TRUNCATED}


def remove_with_its_index(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("DELETE FROM refs WHERE seq = ?", (k,))
    return remove(db, k, m)


def cut_the_tail(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("DELETE FROM entries WHERE seq >= ?", (k,))
    db.execute("DELETE FROM refs WHERE seq >= ?", (k,))
    db.execute("DELETE FROM intents WHERE seq >= ?", (k,))
    return k, {Fault.TRUNCATED}


def swap(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    if k == m:
        return edit_text(db, k, m)
    for old, new in ((k, -1), (m, k), (-1, m)):
        db.execute("UPDATE entries SET seq = ? WHERE seq = ?", (new, old))
    return min(k, m), {Fault.REORDERED}


def insert_forged(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    make_room(db, k)
    body = body_of(db, k + 1).replace(b"anna", b"mary")
    copy_row(db, k + 1, k)
    forge(db, k, body)
    return k, {Fault.INSERTED}


def insert_copy(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    copied = m if m < k else m + 1
    make_room(db, k)
    copy_row(db, copied, k)
    named = k + 1 if m == k else k  # of two that are the same, the second
    return named, {Fault.INSERTED, Fault.REORDERED}  # a copy of the next one looks like a swap


def insert_nonsense(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    make_room(db, k)
    db.execute("INSERT INTO entries VALUES (?, 'now', x'00', x'01', '{}')", (k,))
    return k, {Fault.INSERTED}


def insert_below(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    copy_row(db, 1, -k)
    return -k, {Fault.INSERTED}


def drop_reference(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("DELETE FROM refs WHERE seq = ? AND kind = 'commit'", (k,))
    return k, {Fault.INDEX_EDITED}


def change_reference(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("UPDATE refs SET value = 'riverside/99' WHERE seq = ? AND kind = 'release'", (k,))
    return k, {Fault.INDEX_EDITED}


def add_reference(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("INSERT INTO refs VALUES (?, 'pid', '4711')", (k,))
    return k, {Fault.INDEX_EDITED}


def hide_an_open_intent(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    db.execute("DELETE FROM intents")
    return 3, {Fault.INDEX_EDITED}


def invent_an_open_intent(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    k = k if k != 3 else 4
    db.execute("INSERT INTO intents VALUES (?)", (k,))
    return k, {Fault.INDEX_EDITED}


def write_anew(db: sqlite3.Connection, k: int, m: int) -> tuple[int, set[Fault]]:
    """Edit one entry and every hash after it: a chain that holds in itself. Signed were 4 and 9."""
    forge(db, k, body_of(db, k).replace(b"anna", b"mary"))
    for seq in range(k + 1, COUNT + 1):
        forge(db, seq, body_of(db, seq))
    return (1 if k <= 4 else 5), {Fault.REWRITTEN}


ACTS: list[Act] = [
    edit_text, edit_hash, edit_previous, edit_time, edit_and_rehash, remove, remove_and_close_up,
    remove_with_its_index, cut_the_tail, swap, insert_forged, insert_copy, insert_nonsense, insert_below,
    drop_reference, change_reference, add_reference, hide_an_open_intent, invent_an_open_intent, write_anew,
]  # fmt: skip


def body_of(db: sqlite3.Connection, seq: int) -> bytes:
    return bytes(
        db.execute("SELECT CAST(body AS BLOB) FROM entries WHERE seq = ?", (seq,)).fetchone()[0]
    )


def forge(db: sqlite3.Connection, seq: int, body: bytes) -> None:
    """Write a body with a hash that holds after the entry before it."""
    found = db.execute("SELECT hash FROM entries WHERE seq = ?", (seq - 1,)).fetchone()
    previous = found[0] if found else bytes(32)
    digest = hashlib.sha256(previous + body).digest()
    values = (previous, digest, body, seq)
    db.execute("UPDATE entries SET previous = ?, hash = ?, body = ? WHERE seq = ?", values)


def copy_row(db: sqlite3.Connection, old: int, new: int) -> None:
    kept = "SELECT ?, at, previous, hash, body FROM entries WHERE seq = ?"
    db.execute(f"INSERT INTO entries {kept}", (new, old))


def make_room(db: sqlite3.Connection, k: int) -> None:
    for seq in range(COUNT, k - 1, -1):
        db.execute("UPDATE entries SET seq = ? WHERE seq = ?", (seq + 1, seq))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Head, ...]]:
    """A record of nine entries, of which the third is an open intent, and its heads at 4 and 9."""
    path = tmp_path_factory.mktemp("written") / "record.sqlite"
    store = SqliteRecord(path)
    put(store, event(1), event(2), event(3, outcome=Outcome.INTENT), event(4))
    signed = head_of(store)
    put(store, *(event(n) for n in range(5, COUNT + 1)))
    anchors = (head_of(store), signed)
    store.close()
    return path, anchors


@given(act=st.sampled_from(ACTS), k=st.integers(1, COUNT), m=st.integers(1, COUNT))
@settings(max_examples=200)
def test_an_edit_by_hand_is_found_and_named(
    written: tuple[Path, tuple[Head, ...]],
    tmp_path_factory: pytest.TempPathFactory,
    act: Act,
    k: int,
    m: int,
) -> None:
    """Any single act on the file is found, and the first bad entry and the act are named right."""
    path, anchors = written
    copy = tmp_path_factory.getbasetemp() / "edited.sqlite"
    shutil.copyfile(path, copy)
    db = sqlite3.connect(copy, isolation_level=None)
    seq, faults = act(db, k, m)
    db.close()
    store = SqliteRecord(copy)
    found = verify(store, anchors)
    store.close()
    assert isinstance(found, Broken)
    assert (found.seq, found.how in faults) == (seq, True), found


def test_every_act_is_tried_at_every_entry(
    written: tuple[Path, tuple[Head, ...]], tmp_path: Path
) -> None:
    """The same, without chance: each act at the first, a middle and the last entry."""
    path, anchors = written
    for act in ACTS:
        for k, m in ((1, 4), (4, 7), (5, 2), (COUNT, 1)):
            copy = tmp_path / f"{act.__name__}-{k}.sqlite"
            shutil.copyfile(path, copy)
            db = sqlite3.connect(copy, isolation_level=None)
            seq, faults = act(db, k, m)
            db.close()
            store = SqliteRecord(copy)
            found = verify(store, anchors)
            store.close()
            assert isinstance(found, Broken), (act.__name__, k)
            assert (found.seq, found.how in faults) == (seq, True), (act.__name__, k, found)


def test_the_untouched_record_holds(written: tuple[Path, tuple[Head, ...]]) -> None:
    """The same file, not edited, verifies up to the newest signed head."""
    path, anchors = written
    store = SqliteRecord(path)
    assert verify(store, anchors) == Verified(COUNT, anchors[0], anchored=COUNT)
    store.close()


def test_bodies_are_readable_without_us(written: tuple[Path, tuple[Head, ...]]) -> None:
    """The chain can be checked with nothing but SQLite, SHA-256 and JSON, as the format page says."""
    path, anchors = written
    db = sqlite3.connect(path)
    digest = bytes(32)
    for seq, body in db.execute("SELECT seq, body FROM entries ORDER BY seq"):
        digest = hashlib.sha256(digest + body).digest()
        fields = json.loads(body)
        assert fields["seq"] == seq
        again = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert again.encode() == body
    db.close()
    assert digest.hex() == anchors[0].hash


def test_an_entry_has_the_time_of_its_writing(tmp_path: Path) -> None:
    """An entry's time is the writer's own clock, in microseconds, and never in the future."""
    store = SqliteRecord(tmp_path / "record.sqlite")
    before = SystemClock().now()
    Record(store, SystemClock()).write(event(1))
    (row,) = store.read(0, 1)
    assert before - 1e-5 <= seconds_of(row.at) <= SystemClock().now()
    store.close()
