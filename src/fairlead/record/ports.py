"""What the record needs of the world: a place that keeps rows in order and loses none.

The contract suite runs on the memory driver and on every real one. Every call may raise
FairleadError: the store is damaged, full, or held too long by another writer (Busy).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """An entry as it is kept. ``at`` repeats what ``body`` says, so that times can be found."""

    seq: int
    at: str
    previous: bytes
    hash: bytes
    body: bytes


Reference = tuple[str, str]
"""A thing that an entry is about, as (kind, value). The index keeps it with the entry's number."""


class Sealed(NamedTuple):
    """A row ready to be kept, and what the store must remember beside it, all in one transaction.

    ``opens``: it is an intent, so it joins the open ones. ``closes``: the intent that leaves them.
    """

    row: Row
    references: Sequence[Reference] = ()
    opens: bool = False
    closes: int = 0


Seal = Callable[[int, bytes], Sealed]
"""(head's number, head's hash) → the next row. Called while the store is locked for writing."""


class Snapshot(Protocol):
    """The store as it is at one moment, whatever is appended meanwhile."""

    def rows(self) -> Iterator[Row]:
        """Every row in the order of ``seq``, a few at a time."""
        ...

    def index(self) -> Iterator[tuple[int, str, str]]:
        """The whole index as (number, kind, value), in that order."""
        ...

    def open(self) -> tuple[int, ...]:
        """The numbers of the open intents, ascending."""
        ...

    def sound(self) -> str:
        """ "" when the store's own structure is whole; else what is wrong with it."""
        ...


class Store(Protocol):
    """Keeps rows. Safe to use from several threads, and from several processes at once."""

    def append(self, seals: Sequence[Seal]) -> tuple[Row, ...]:
        """Seal and keep these rows, one after another: all of them durably, or none.

        One writer at a time over all processes, so the chain cannot fork.
        """
        ...

    def head(self) -> tuple[int, bytes]:
        """The newest row's number and hash; (0, 32 zero bytes) when there is none."""
        ...

    def read(self, after: int, limit: int) -> tuple[Row, ...]:
        """Up to ``limit`` rows with a number above ``after``, ascending."""
        ...

    def between(self, since: str, until: str) -> Iterator[Row]:
        """Rows written from ``since`` (included) to ``until`` (excluded), ascending by number."""
        ...

    def last_before(self, at: str) -> int:
        """The newest row written before ``at``, by its time; 0 when there is none."""
        ...

    def find(
        self, kind: str, value: str, *, limit: int, newest: bool = False, upto: int = 0
    ) -> tuple[Row, ...]:
        """The first (or ``newest``) ``limit`` rows that refer to this, ascending.

        ``upto`` leaves out rows with a greater number; 0 leaves out none.
        """
        ...

    def first_value(self, kind: str, at_least: str) -> str:
        """The smallest indexed value of a kind that is not below ``at_least``; "" for none."""
        ...

    def open(self) -> tuple[Row, ...]:
        """The intents that no outcome has closed yet, ascending."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """The whole store at one moment, to verify it."""
        ...
