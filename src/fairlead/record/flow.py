"""The record's verbs: write, verify, follow, and the intents that nobody closed.

``trace`` and ``changed`` have files of their own beside this one.
"""

from collections.abc import Callable, Iterator, Sequence

from fairlead.base.clock import Clock, stamp
from fairlead.base.errors import FairleadError, NotFound
from fairlead.base.journal import Event, Outcome, Verb
from fairlead.record.chain import entry_of, head, sealing, walk
from fairlead.record.model import Broken, Entry, Fault, Head, Verified
from fairlead.record.ports import Seal, Sealed, Store

PAUSE = 0.02  # seconds between looks: a follower is at most that much and one look behind
_PAGE = 500
NOBODY = "nobody wrote how it ended"


class Record:
    """The journal (``base.journal.Journal``) that every flow writes to."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def write(self, event: Event) -> int:
        """Durable before it returns; the entry's number, from 1.

        Raises FairleadError when it could not be made durable, and TypeError, which is a
        mistake in Fairlead, for a fact its verb does not have, a float or a Secret.
        """
        return self.write_all([event])[0]

    def write_all(self, events: Sequence[Event]) -> tuple[int, ...]:
        """Like ``write``, for several at once: all of them, or none."""
        rows = self._store.append([self._sealing(event) for event in events])
        return tuple(row.seq for row in rows)

    def is_open(self, intent: int) -> bool:
        """Whether no outcome has closed that entry yet."""
        return any(row.seq == intent for row in self._store.open())

    def close_unknown(self, intent: Entry, who: str, why: str = NOBODY) -> int:
        """Close an intent whose writer is known to be gone, as UNKNOWN; the new entry's number.

        What was known when it began is repeated, so that it is found by the same references.
        """
        facts = dict(intent.facts)
        return self.write(
            Event(
                Verb(intent.verb),
                Outcome.UNKNOWN,
                who,
                why,
                intent.app,
                intent.environment,
                intent.release,
                facts,
                intent.seq,
            )
        )

    def _sealing(self, event: Event) -> Seal:
        """Takes the time once it is this writer's turn, so that times run as the numbers do."""

        def seal(seq: int, previous: bytes) -> Sealed:
            return sealing(event, stamp(self._clock.now()))(seq, previous)

        return seal


def head_of(store: Store) -> Head:
    """The newest entry's number and hash, to be signed elsewhere as an anchor."""
    return head(*store.head())


def verify(store: Store, anchors: Sequence[Head] = ()) -> Verified | Broken:
    """Check every entry, the index, and the heads that were signed elsewhere.

    Names the first entry that does not hold. Streams: its memory does not grow with the record.
    """
    from concurrent.futures import ThreadPoolExecutor  # milliseconds that a writer need not pay

    with ThreadPoolExecutor(1) as beside:
        soundness = beside.submit(_soundness, store)
        try:
            with store.snapshot() as whole:
                found = walk(whole.rows(), whole.index(), whole.open(), anchors)
        except FairleadError as error:
            found = Broken(1, Fault.DAMAGED, error.what)
        damage = soundness.result()
    if isinstance(found, Verified) and damage:
        return Broken(found.entries + 1, Fault.DAMAGED, f"all entries hold, and {damage}")
    return found


def _soundness(store: Store) -> str:
    """What is wrong with the store itself; "" for nothing. Long, and beside the walk."""
    try:
        with store.snapshot() as whole:
            damage = whole.sound()
    except FairleadError as error:
        return error.what
    return f"their store is damaged: {damage}" if damage else ""


def read(store: Store, after: int = 0, limit: int = _PAGE) -> tuple[Entry, ...]:
    """Up to ``limit`` entries with a number above ``after``, ascending."""
    return tuple(map(entry_of, store.read(after, limit)))


def entry(store: Store, seq: int) -> Entry:
    """One entry. Raises NotFound."""
    found = read(store, seq - 1, 1)
    if found and found[0].seq == seq:
        return found[0]
    raise NotFound(f"no such entry: {seq}", "fairlead record show lists the newest")


def unclosed(store: Store) -> tuple[Entry, ...]:
    """Intents without an outcome: under way now, or their process died in between.

    Only who knows that the writer is gone (it holds the place's lease) may close them.
    """
    return tuple(map(entry_of, store.open()))


def follow(
    store: Store,
    since: int,
    clock: Clock,
    app: str | None = None,
    until: Callable[[], bool] = lambda: False,
) -> Iterator[Entry]:
    """Entries after number ``since``, as they are written; of one app, when it is named.

    Ends once ``until`` says so and nothing is left to yield; it is asked at every look.
    """
    while True:
        ending = until()
        rows = store.read(since, _PAGE)
        for row in rows:
            since = row.seq
            found = entry_of(row)
            if app in (None, found.app):
                yield found
        if ending and not rows:
            return
        if not rows:
            clock.sleep(PAUSE)
