"""Giving somebody a key, and taking it away."""

from functools import partial
from pathlib import Path

import pytest

from fairlead.access import flow
from fairlead.access.flow import Gate
from fairlead.access.model import Key, Person
from fairlead.access.rules import authorized_keys, parse_right
from fairlead.base.clock import SystemClock
from fairlead.base.errors import NotFound, Unknown
from fairlead.base.journal import Outcome, Verb
from fairlead.base.paths import Home
from fairlead.drivers.memory_record import MemoryRecord
from fairlead.drivers.people import PeopleFile
from fairlead.record.chain import entry_of
from fairlead.record.flow import Record

KEY = Key("ssh-ed25519", "AAAA", "SHA256:x")


class World:
    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.store = MemoryRecord()
        self.people = PeopleFile(self.home, partial(authorized_keys, shell="/bin/shell"))
        self.gate = Gate(self.people, Record(self.store, SystemClock()), SystemClock(), "root")

    def written(self) -> list[tuple[str, str, str]]:
        rows = map(entry_of, self.store.read(0, 99))
        return [(entry.verb, entry.outcome, entry.text("how")) for entry in rows]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_key_is_in_force_and_written_down(world: World) -> None:
    """The rights are root's to read; sshd's file is everybody's."""
    flow.add(world.gate, "ada", KEY, [parse_right("read")])
    assert "shell ada" in world.home.authorized_keys.read_text()
    assert world.home.people.stat().st_mode & 0o777 == 0o600
    assert world.home.authorized_keys.stat().st_mode & 0o777 == 0o644
    assert world.written() == [
        (Verb.ACCESS, Outcome.INTENT, "added"),
        (Verb.ACCESS, Outcome.DONE, "added"),
    ]
    assert world.people.all()[0].keys[0].added.endswith("Z")


def test_said_again_it_changes_nothing_and_mends_what_was_cut_off(world: World) -> None:
    """A kill between the two files, say."""
    flow.add(world.gate, "ada", KEY, [])
    world.home.authorized_keys.unlink()
    flow.add(world.gate, "ada", KEY, [])
    assert world.home.authorized_keys.exists()
    assert len(world.written()) == 2


def test_who_is_not_known_cannot_be_removed(world: World) -> None:
    """Nor a key that they do not have."""
    with pytest.raises(NotFound, match="nobody is called ada"):
        flow.remove(world.gate, "ada")
    flow.add(world.gate, "ada", KEY, [])
    with pytest.raises(NotFound, match="no such key of ada"):
        flow.remove(world.gate, "ada", "SHA256:y")
    assert flow.remove(world.gate, "ada") != ()
    assert world.people.all() == ()
    assert "AAAA" not in world.home.authorized_keys.read_text()


def test_a_file_that_cannot_be_read_is_nobodys_permission(world: World) -> None:
    """Not known is not "nobody", and not "everybody"."""
    world.people.put((Person("ada", (KEY,), ()),))
    world.home.people.write_text("{")
    with pytest.raises(Unknown, match="is not known"):
        world.people.all()
