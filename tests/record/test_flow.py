"""Writing, following, and the intents that nobody closed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fairlead.base.clock import SystemClock
from fairlead.base.errors import NotFound
from fairlead.base.journal import Event, Journal, Outcome, Verb
from fairlead.drivers.memory_record import MemoryRecord
from fairlead.drivers.record_sqlite import SqliteRecord
from fairlead.record import flow
from fairlead.record.flow import Record, follow, head_of, read, unclosed, verify
from fairlead.record.model import Verified
from record.worlds import HandClock, Story, step


def test_record_is_a_journal() -> None:
    """What it is written through is ``base.journal.Journal``; numbers run from 1."""
    journal: Journal = Record(MemoryRecord(), HandClock())
    assert [journal.write(step()), journal.write(step())] == [1, 2]


def test_several_are_written_as_one() -> None:
    """All of them get numbers, or, when one is wrong, none."""
    story = Story()
    assert story.record.write_all([step(), step()]) == (1, 2)
    with pytest.raises(TypeError):
        story.record.write_all([step(), step(facts={"colour": "blue"})])
    assert head_of(story.store).seq == 2


def test_an_intent_without_an_outcome_is_unclosed() -> None:
    """A process that died in between leaves exactly its own intent behind."""
    story = Story()
    story.effect(Verb.BUILD, facts={"commit": "c" * 40})
    story.write(Verb.ROLLOUT, Outcome.INTENT, release=7, facts={"revision": "e" * 40})
    story.write(Verb.DRIFT)
    assert [(e.seq, e.verb, e.release) for e in unclosed(story.store)] == [(3, "rollout", 7)]


def test_closing_as_unknown_keeps_what_is_known() -> None:
    """Nobody knows how it ended, and the entry says so; it is never a success."""
    story = Story()
    story.write(
        Verb.ROLLOUT, Outcome.INTENT, environment="local", release=7, facts={"revision": "e" * 40}
    )
    (left,) = unclosed(story.store)
    closed = flow.entry(story.store, story.record.close_unknown(left, "agent"))
    assert (closed.outcome, closed.why, closed.intent) == (
        "unknown",
        "nobody wrote how it ended",
        1,
    )
    assert (closed.app, closed.environment, closed.release) == ("riverside", "local", 7)
    assert closed.facts == left.facts
    assert unclosed(story.store) == ()
    assert isinstance(verify(story.store), Verified)


def test_read_and_entry() -> None:
    """Ranges and single entries; one that is not there is NotFound."""
    story = Story()
    story.record.write_all([step(who=str(n)) for n in range(5)])
    assert [e.who for e in read(story.store, after=1, limit=2)] == ["1", "2"]
    assert flow.entry(story.store, 5).who == "4"
    for absent in (0, 6):
        with pytest.raises(NotFound):
            flow.entry(story.store, absent)


def test_follow_yields_what_is_there_and_then_what_comes() -> None:
    """From a number on, of one app when it is named, until told to end; nothing is missed."""
    story = Story()
    clock = HandClock()
    story.record.write_all([step(who="early"), step(who="late"), step(who="other", app="harbour")])
    waits: list[float] = []

    class Writes(HandClock):
        """While the follower waits, somebody writes."""

        def sleep(self, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                story.record.write(step(who="new"))

    seen = [
        e.who for e in follow(story.store, 1, Writes(), "riverside", until=lambda: len(waits) > 1)
    ]
    assert seen == ["late", "new"]
    assert max(waits) <= 0.03
    every = follow(story.store, 0, clock, until=lambda: True)
    assert [e.who for e in every] == ["early", "late", "other", "new"]


def test_follow_sees_another_process_within_30_milliseconds(tmp_path: Path) -> None:
    """A follower in this process, a writer in another, SQLite between them."""
    path = tmp_path / "record.sqlite"
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from fairlead.base.clock import SystemClock\n"
        "from fairlead.base.journal import Event, Outcome, Verb\n"
        "from fairlead.drivers.record_sqlite import SqliteRecord\n"
        "from fairlead.record.flow import Record\n"
        "record = Record(SqliteRecord(Path(sys.argv[1])), SystemClock())\n"
        "for _ in range(20):\n"
        "    record.write(Event(Verb.STEP, Outcome.DONE, 'a', str(time.time_ns())))\n"
        "    time.sleep(0.013)\n"
    )
    store = SqliteRecord(path)
    with subprocess.Popen([sys.executable, "-c", program, str(path)]) as writer:
        deadline = time.monotonic() + 30
        lags = []
        for entry in follow(store, 0, SystemClock(), until=lambda: time.monotonic() > deadline):
            lags.append((time.time_ns() - int(entry.why)) / 1e6)
            if len(lags) == 20:
                break
    assert writer.returncode == 0
    assert len(lags) == 20
    assert sorted(lags)[10] <= 30, lags  # the median: a busy machine may delay any one of them
    store.close()


def test_entries_are_events_with_a_place_in_the_chain() -> None:
    """An entry says everything its event said."""
    story = Story()
    event = Event(
        Verb.LEASE,
        Outcome.DONE,
        "agent",
        "why",
        "riverside",
        "local",
        7,
        {"token": 3, "owner": "a"},
    )
    story.record.write(event)
    entry = flow.entry(story.store, 1)
    assert (entry.verb, entry.outcome, entry.who, entry.why) == ("lease", "done", "agent", "why")
    assert entry.facts == {"token": 3, "owner": "a"}
    assert entry.at == "2026-11-21T12:00:00.000000Z"
    assert (entry.previous, entry.hash) == ("00" * 32, head_of(story.store).hash)
