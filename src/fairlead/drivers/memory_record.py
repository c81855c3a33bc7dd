"""The record in memory: what the port means, with nothing else in the way."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import RLock

from fairlead.record.ports import Row, Seal, Sealed


class MemoryRecord:
    """A ``record.ports.Store`` that forgets. Tests may lay hands on its three lists."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.lines: list[tuple[int, str, str]] = []
        self.intents: set[int] = set()
        self._lock = RLock()

    def append(self, seals: Sequence[Seal]) -> tuple[Row, ...]:
        """Seal and keep these rows, all of them or none."""
        with self._lock:
            seq, digest = self.head()
            made: list[Sealed] = []
            for seal in seals:
                made.append(seal(seq, digest))
                seq, digest = made[-1].row.seq, made[-1].row.hash
            for sealed in made:
                self._keep(sealed)
            return tuple(sealed.row for sealed in made)

    def head(self) -> tuple[int, bytes]:
        """The newest row's number and hash; (0, 32 zero bytes) when there is none."""
        return (self.rows[-1].seq, self.rows[-1].hash) if self.rows else (0, bytes(32))

    def read(self, after: int, limit: int) -> tuple[Row, ...]:
        """Up to ``limit`` rows with a number above ``after``, ascending."""
        return tuple(islice((row for row in self.rows if row.seq > after), limit))

    def between(self, since: str, until: str) -> Iterator[Row]:
        """Rows written from ``since`` (included) to ``until`` (excluded), ascending by number."""
        return (row for row in list(self.rows) if since <= row.at < until)

    def last_before(self, at: str) -> int:
        """The newest row written before ``at``, by its time; 0 when there is none."""
        return max(((row.at, row.seq) for row in self.rows if row.at < at), default=("", 0))[1]

    def find(
        self, kind: str, value: str, *, limit: int, newest: bool = False, upto: int = 0
    ) -> tuple[Row, ...]:
        """The first (or ``newest``) ``limit`` rows that refer to this, ascending."""
        found = {
            seq for seq, *about in self.lines if about == [kind, value] and seq <= (upto or seq)
        }
        chosen = sorted(found, reverse=newest)[:limit]
        return tuple(row for row in self.rows if row.seq in set(chosen))

    def first_value(self, kind: str, at_least: str) -> str:
        """The smallest indexed value of a kind that is not below ``at_least``; "" for none."""
        return min((v for _, k, v in self.lines if k == kind and v >= at_least), default="")

    def open(self) -> tuple[Row, ...]:
        """The intents that no outcome has closed yet, ascending."""
        return tuple(row for row in self.rows if row.seq in self.intents)

    @contextmanager
    def snapshot(self) -> Iterator["MemorySnapshot"]:
        """The whole store at one moment."""
        with self._lock:
            yield MemorySnapshot(tuple(self.rows), tuple(self.lines), tuple(sorted(self.intents)))

    def _keep(self, sealed: Sealed) -> None:
        self.rows.append(sealed.row)
        self.lines.extend((sealed.row.seq, *reference) for reference in sealed.references)
        self.intents.discard(sealed.closes)
        if sealed.opens:
            self.intents.add(sealed.row.seq)


class MemorySnapshot:
    """A ``record.ports.Snapshot``: copies of the three lists."""

    def __init__(
        self,
        rows: tuple[Row, ...],
        lines: tuple[tuple[int, str, str], ...],
        intents: tuple[int, ...],
    ) -> None:
        self._rows = rows
        self._lines = lines
        self._intents = intents

    def rows(self) -> Iterator[Row]:
        """Every row in the order of ``seq``."""
        return iter(self._rows)

    def index(self) -> Iterator[tuple[int, str, str]]:
        """The whole index as (number, kind, value), in that order."""
        return iter(self._lines)

    def open(self) -> tuple[int, ...]:
        """The numbers of the open intents, ascending."""
        return self._intents

    def sound(self) -> str:
        """Memory is always whole."""
        return ""
