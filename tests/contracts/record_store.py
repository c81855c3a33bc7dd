"""What every ``record.ports.Store`` must do. A driver's test class inherits this and gives ``store``."""

from threading import Thread

import pytest

from fairlead.base.clock import stamp
from fairlead.base.journal import Event, Outcome, Verb
from fairlead.record import references as refs
from fairlead.record.chain import entry_of, sealing
from fairlead.record.flow import verify
from fairlead.record.model import Verified
from fairlead.record.ports import Sealed, Store

COMMIT = "1a2b3c4" + "0" * 33


def event(number: int, intent: int = 0, outcome: Outcome = Outcome.DONE) -> Event:
    facts = {"commit": f"{number:040x}", "revision": "e" * 40, "how": "release"}
    return Event(
        Verb.ROLLOUT, outcome, "anna", "a why", "riverside", "local", number, facts, intent
    )


def put(store: Store, *events: Event, at: float = 0.0) -> tuple[int, ...]:
    return tuple(row.seq for row in store.append([sealing(e, stamp(at)) for e in events]))


class RecordStoreContract:
    def test_an_empty_store_is_at_zero(self, store: Store) -> None:
        """Its head is 0 and 32 zero bytes, and it verifies."""
        assert store.head() == (0, bytes(32))
        assert store.read(0, 10) == ()
        assert store.first_value(refs.COMMIT, "") == ""
        assert store.last_before("9999") == 0
        assert verify(store) == Verified(0, verify(store).head)  # type: ignore[union-attr]

    def test_rows_come_back_as_they_were_sealed(self, store: Store) -> None:
        """Numbers run from 1, each row names the hash of the one before."""
        assert put(store, event(1), event(2)) + put(store, event(3)) == (1, 2, 3)
        rows = store.read(0, 10)
        assert [row.previous for row in rows] == [bytes(32), rows[0].hash, rows[1].hash]
        assert store.head() == (3, rows[2].hash)
        assert [entry_of(row).release for row in store.read(1, 1)] == [2]

    def test_append_is_all_or_nothing(self, store: Store) -> None:
        """When the second of three cannot be sealed, none is kept and the chain goes on."""
        put(store, event(1))

        def fails(seq: int, previous: bytes) -> Sealed:
            raise TypeError("no such fact")

        good = sealing(event(2), stamp(0))
        with pytest.raises(TypeError):
            store.append([good, fails, good])
        assert store.head()[0] == 1
        assert put(store, event(2)) == (2,)
        assert isinstance(verify(store), Verified)

    def test_find_takes_from_either_end(self, store: Store) -> None:
        """The first or the newest of those that refer to a thing, always ascending."""
        put(store, *(event(n) for n in range(1, 6)))

        def found(**how: object) -> list[int]:
            return [row.seq for row in store.find(refs.REVISION, "e" * 40, **how)]  # type: ignore[arg-type]

        assert found(limit=2) == [1, 2]
        assert found(limit=2, newest=True) == [4, 5]
        assert found(limit=2, newest=True, upto=3) == [2, 3]
        assert found(limit=9) == [1, 2, 3, 4, 5]
        assert store.find(refs.COMMIT, "e" * 40, limit=9) == ()

    def test_values_are_found_in_order(self, store: Store) -> None:
        """``first_value`` steps through an index's values, one kind at a time."""
        put(store, event(2), event(1), event(2))
        first = store.first_value(refs.COMMIT, "")
        assert first == f"{1:040x}"
        assert store.first_value(refs.COMMIT, first + "\0") == f"{2:040x}"
        assert store.first_value(refs.COMMIT, f"{2:040x}\0") == ""
        assert store.first_value(refs.DIGEST, "") == ""

    def test_times_are_found_though_the_clock_went_back(self, store: Store) -> None:
        """Rows are found by their own times; what ``between`` yields is in the chain's order."""
        for at in (100.0, 300.0, 200.0):
            put(store, event(1), at=at)
        assert [row.seq for row in store.between(stamp(150), stamp(301))] == [2, 3]
        assert [row.seq for row in store.between(stamp(200), stamp(300))] == [3]
        assert store.last_before(stamp(250)) == 3
        assert store.last_before(stamp(100)) == 0

    def test_intents_are_open_until_closed(self, store: Store) -> None:
        """An outcome takes exactly the intent it names off the list; a second one is harmless."""
        put(store, event(1, outcome=Outcome.INTENT), event(2, outcome=Outcome.INTENT))
        assert [row.seq for row in store.open()] == [1, 2]
        put(store, event(1, intent=1), event(1, intent=1))
        assert [row.seq for row in store.open()] == [2]
        assert isinstance(verify(store), Verified)

    def test_a_snapshot_stands_still(self, store: Store) -> None:
        """What is appended while a snapshot is read is not in it, neither rows nor index."""
        put(store, event(1, outcome=Outcome.INTENT))
        with store.snapshot() as whole:
            put(store, event(1, intent=1))
            assert [row.seq for row in whole.rows()] == [1]
            assert {seq for seq, _, _ in whole.index()} == {1}
            assert whole.open() == (1,)
            assert whole.sound() == ""

    def test_threads_take_turns(self, store: Store) -> None:
        """Several threads append at once; every number is given once and the chain holds."""
        given: list[int] = []

        def write() -> None:
            for number in range(20):
                given.extend(put(store, event(number + 1)))

        threads = [Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(given) == list(range(1, 81))
        found = verify(store)
        assert isinstance(found, Verified)
        assert found.entries == 80
