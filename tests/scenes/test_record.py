"""The record after a life of its own: whole, and telling where somebody laid hands on it."""

import sqlite3
from pathlib import Path

import pytest

from fairlead.base.journal import Verb
from fairlead.record.flow import verify
from fairlead.record.model import Broken, Head
from fairlead.service.places import anchor
from fairlead.service.rollback import rollback
from scenes.house import App, House


@pytest.fixture(scope="module")
def app(house: House) -> App:
    """An app that was released, refused, returned from and taken back."""
    made = house.app("told", copies=1)
    made.released()
    made.change("refused", check=1)
    assert made.push().code == 1
    made.change("crashes", crash=True)
    made.push()
    made.settled()
    made.change("second")
    made.released()
    made.settled()
    rollback(house.tools, made.place, 1, "as it was")
    house.tools.machine.wake()
    made.serves(1)
    made.settled()
    return made


def test_every_entry_holds_after_all_of_it(house: House, app: App):
    """Verified against the head that was signed into the deploy repo."""
    anchor(house.tools)
    checked = house.cli("record", "verify")
    assert checked.returncode == 0, checked.stdout
    assert "a signed head vouches" in checked.stdout
    told = {(e.verb, e.outcome) for e in house.entries("told", *Verb)}
    assert {
        ("push", "refused"), ("push", "done"), ("build", "done"), ("release", "done"),
        ("desire", "done"), ("rollout", "done"), ("rollout", "failed"), ("step", "done"),
    } <= told  # fmt: skip


def test_a_commit_tells_its_whole_story_and_a_day_its_changes(house: House, app: App):
    """trace and changed, on what really happened."""
    commit = app.git("rev-parse", "HEAD")
    line = house.cli("trace", commit).stdout
    for word in ("told release", "check passed", "artifact sha256:", "desired in local by ada",
                 "rolled out in", "smoke passed", "taken back to release 1 by ada"):  # fmt: skip
        assert word in line
    day = house.cli("changed", "--since", "1h").stdout
    assert "crashed" in day
    assert "unit failed" in day
    assert "as it was" in line


EDITS = [
    ("edited", "update entries set body = replace(body, 'told', 'tale') where seq = {seq}"),
    ("moved", "update entries set at = '2020' || substr(at, 5) where seq = {seq}"),
    ("removed", "delete from entries where seq = {seq}"),
    ("cut off", "delete from entries where seq >= {seq}"),
]


@pytest.mark.parametrize(("how", "statement"), EDITS, ids=[how for how, _ in EDITS])
def test_an_edit_by_hand_is_named_by_its_entry(
    house: House, app: App, tmp_path: Path, how: str, statement: str
):
    """A copy of the home, its record changed with sqlite3: the first bad entry is named."""
    anchor(house.tools)
    last = house.tools.store.head()[0]
    seq = last // 2
    copy = tmp_path / "copy.sqlite"
    with sqlite3.connect(house.tools.home.record) as live, sqlite3.connect(copy) as other:
        live.backup(other)
    with sqlite3.connect(copy) as other:
        changed = other.execute(statement.format(seq=seq)).rowcount
        assert changed > 0
    found = _verified(house, copy)
    assert isinstance(found, Broken)
    assert found.seq == seq


def _verified(house: House, record: Path) -> object:
    from fairlead.desired import read
    from fairlead.drivers.record_sqlite import SqliteRecord

    signed = read.anchored(house.tools.deploy.repo.look(), house.tools.deploy.verifier)
    assert signed is not None
    return verify(SqliteRecord(record), [Head(signed.seq, signed.hash)])
