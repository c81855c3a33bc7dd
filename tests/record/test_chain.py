"""The chain's form, and what no record may hold. What tampering does is in drivers/test_record_sqlite."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.clock import stamp
from fairlead.base.journal import FACTS, Event, Outcome, Verb
from fairlead.base.secret import Secret
from fairlead.drivers.memory_record import MemoryRecord
from fairlead.record.chain import ZERO, entry_of, sealing
from fairlead.record.flow import verify
from fairlead.record.model import Broken, Fault, Head, Verified

AT = stamp(1_795_262_400.25)


def event(**facts: Any) -> Event:
    return Event(Verb.STEP, Outcome.DONE, "anna", "because", "riverside", "local", 7, facts)


def test_the_bytes_of_an_entry() -> None:
    """The format that docs/design/record.md describes, byte for byte."""
    body = (
        b'{"app":"riverside","at":"2026-11-21T12:00:00.250000Z","environment":"local",'
        b'"facts":{"copy":1,"role":"web"},"intent":0,"outcome":"done","release":7,"seq":1,'
        b'"verb":"step","who":"anna","why":"because"}'
    )
    row = sealing(event(role="web", copy=1), AT)(0, ZERO).row
    assert row.body == body
    assert row.hash == hashlib.sha256(bytes(32) + body).digest()
    assert (row.seq, row.at, row.previous) == (1, "2026-11-21T12:00:00.250000Z", bytes(32))


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "blue"},
        {"detail": Secret("hunter2")},
        {"detail": ["fine", Secret("hunter2")]},
        {"detail": 1.5},
        {"copy": 2**53},
        {"detail": None},
        {"detail": {"nested": "x"}},
    ],
)
def test_what_no_record_may_hold(wrong: dict[str, Any]) -> None:
    """An unknown fact, a secret, a float, a number that JSON readers disagree on: TypeError."""
    with pytest.raises(TypeError) as caught:
        sealing(event(**wrong), AT)
    assert "hunter2" not in str(caught.value)
    assert next(iter(wrong)) in str(caught.value)


@pytest.mark.parametrize("field", ["who", "why", "app", "environment"])
def test_a_secret_is_refused_in_every_field(field: str) -> None:
    """Also outside of the facts, and its value is not in the error."""
    fields: dict[str, Any] = {"who": "a", "why": "b", field: Secret("hunter2")}
    with pytest.raises(TypeError, match=field) as caught:
        sealing(Event(Verb.STEP, Outcome.DONE, **fields), AT)
    assert "hunter2" not in str(caught.value)


def test_an_entry_cannot_close_a_later_one() -> None:
    """An outcome names an intent that is already written."""
    bad = Event(Verb.STEP, Outcome.DONE, "a", "b", intent=5)
    with pytest.raises(TypeError, match="cannot close entry 5"):
        sealing(bad, AT)(4, ZERO)


TEXT = st.text(st.characters(codec=None), max_size=30)


@given(
    who=TEXT,
    why=TEXT,
    detail=TEXT,
    names=st.lists(TEXT, max_size=3),
    number=st.integers(-(2**53) + 1, 2**53 - 1),
)
def test_any_text_is_kept_and_verifies(
    who: str, why: str, detail: str, names: list[str], number: int
) -> None:
    """Hostile names are kept as they are; what is not UTF-8 is kept escaped."""
    store = MemoryRecord()
    facts: dict[str, Any] = {"detail": detail, "weights": names, "copy": number, "role": True}
    store.append([sealing(Event(Verb.STEP, Outcome.DONE, who, why, facts=facts), AT)])
    entry = entry_of(store.rows[0])
    as_kept = [t.encode("utf-8", "backslashreplace").decode() for t in (who, why, detail)]
    assert [entry.who, entry.why, entry.facts["detail"]] == as_kept
    assert entry.facts["copy"] == number
    assert entry.facts["role"] is True
    assert isinstance(verify(store), Verified)


def test_every_verb_takes_its_facts() -> None:
    """Each fact that ``base.journal`` names can be written, and is found again."""
    store = MemoryRecord()
    for verb, names in FACTS.items():
        store.append(
            [sealing(Event(verb, Outcome.DONE, "a", "b", facts=dict.fromkeys(names, "7")), AT)]
        )
    assert isinstance(verify(store), Verified)


def filled(entries: int) -> MemoryRecord:
    store = MemoryRecord()
    for number in range(entries):
        store.append([sealing(event(pid=number + 1), AT)])
    return store


def test_signed_heads_vouch() -> None:
    """``anchored`` is the newest of the heads given, in whatever order they come."""
    store = filled(5)
    heads = [Head(row.seq, row.hash.hex()) for row in store.rows]
    assert verify(store, (heads[3], heads[1])) == Verified(5, heads[4], anchored=4)
    assert verify(store) == Verified(5, heads[4])


def test_a_tail_cut_with_its_index_needs_a_signed_head() -> None:
    """Without one the shorter record holds: that is what the anchor in the deploy repo is for."""
    store = filled(5)
    signed = Head(5, store.rows[-1].hash.hex())
    del store.rows[3:]
    del store.lines[3:]
    assert isinstance(verify(store), Verified)
    found = verify(store, (signed,))
    assert found == Broken(4, Fault.TRUNCATED, found.what) if isinstance(found, Broken) else False
    store.rows.clear()
    store.lines.clear()
    assert isinstance(found := verify(store, (signed,)), Broken)
    assert (found.seq, found.how) == (1, Fault.TRUNCATED)


def test_of_an_edit_and_a_later_removal_the_edit_is_named() -> None:
    """The first entry that does not hold is named, not the loudest."""
    store = filled(9)
    store.rows[2] = store.rows[2]._replace(body=store.rows[2].body.replace(b"anna", b"mary"))
    del store.rows[6]
    found = verify(store)
    assert isinstance(found, Broken)
    assert (found.seq, found.how) == (3, Fault.EDITED)


def test_a_lost_first_entry_is_named() -> None:
    """Removing the very first entries shows too."""
    store = filled(4)
    store.rows[:] = [row._replace(seq=row.seq - 2) for row in store.rows[2:]]
    found = verify(store)
    assert isinstance(found, Broken)
    assert (found.seq, found.how) == (1, Fault.REMOVED)


def test_a_tail_cut_without_its_index_shows_without_a_signed_head() -> None:
    """The index still names what is gone."""
    store = filled(5)
    del store.rows[3:]
    found = verify(store)
    assert isinstance(found, Broken)
    assert (found.seq, found.how) == (4, Fault.TRUNCATED)
    assert "names entry 4" in found.what


def test_of_an_index_edit_and_the_next_entrys_removal_the_index_is_named() -> None:
    """Two faults side by side: the one of the earlier entry comes first."""
    store = filled(5)
    store.lines[1] = (2, "pid", "4711")
    del store.rows[2]
    found = verify(store)
    assert isinstance(found, Broken)
    assert (found.seq, found.how) == (2, Fault.INDEX_EDITED)
