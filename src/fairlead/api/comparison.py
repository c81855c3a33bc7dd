"""All schemas of two documents that belong together, each pair compared once.

A pair is found from where it is used: in an answer, a body, a parameter. What is under it is a
pair of its own, so schemas that hold themselves end, and a component that a hundred operations
use is compared once.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from fairlead.api.document import Document
from fairlead.api.schema import Schema, schema
from fairlead.api.schema_changes import Change, changes, children, effective

_WAYS = 12  # a component that is used at more places of one answer is reported at the first of them


class Found(NamedTuple):
    """A change, the way there from the root (".items[].level"), and whether the parent required
    the property it is about."""

    way: str
    change: Change
    needed: bool


class Pair:
    """Two schemas that belong together: what differs, and the pairs under them."""

    __slots__ = ("changes", "dirty", "new", "old", "under", "within")

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old = old
        self.new = new
        self.changes: list[Change] = []
        self.under: list[tuple[str, bool, Pair]] = []
        self.within: list[Pair] = []
        self.dirty = False


class Comparison:
    """``same`` are the references whose targets are the same, all the way down."""

    def __init__(self, old: Document, new: Document, same: frozenset[str]) -> None:
        self.old = old
        self.new = new
        self._same = same
        self._pairs: dict[tuple[int, int], Pair] = {}

    def found(self, old: Any, new: Any) -> Iterator[Found]:
        """What differs between the schemas at two places, and under them."""
        one, other = schema(self.old, old), schema(self.new, new)
        if one is None or other is None:
            return
        root = self._pair(one, other)
        if root is None or not root.dirty:
            return
        uses: dict[int, int] = {}
        waiting = deque([_Way("", False, root, None)])
        while waiting:
            here = waiting.popleft()
            pair = here.pair
            uses[id(pair)] = uses.get(id(pair), 0) + 1
            if uses[id(pair)] > _WAYS or _again(here):
                continue
            yield from (Found(here.way, change, here.needed) for change in pair.changes)
            waiting.extend(
                _Way(here.way + step, asked, below, here)
                for step, asked, below in pair.under
                if below.dirty
            )

    def forget(self) -> None:
        """Lets go of the pairs, which know each other: memory is free at once then."""
        for pair in self._pairs.values():
            pair.under.clear()
            pair.within.clear()
        self._pairs.clear()

    def _pair(self, old: Schema, new: Schema) -> Pair | None:
        known = self._known(old, new)
        if known is not None or self._is_same(old, new):
            return known
        made = [self._made(old, new)]
        waiting = list(made)
        while waiting:
            pair = waiting.pop()
            for way, one, other, needed in children(pair.old, pair.new):
                if self._is_same(one, other):
                    continue
                below = self._known(one, other)
                if below is None:
                    below = self._made(one, other)
                    made.append(below)
                    waiting.append(below)
                pair.under.append((way, needed, below))
                below.within.append(pair)
        _spread([pair for pair in made if pair.changes or _over_dirty(pair)])
        return made[0]

    def _known(self, old: Schema, new: Schema) -> Pair | None:
        return self._pairs.get((id(old.raw), id(new.raw)))

    def _is_same(self, old: Schema, new: Schema) -> bool:
        return old.ref == new.ref and new.ref in self._same

    def _made(self, old: Schema, new: Schema) -> Pair:
        pair = Pair(*effective(old, new))
        pair.changes = list(changes(pair.old, pair.new))
        self._pairs[id(old.raw), id(new.raw)] = pair
        return pair


class _Way(NamedTuple):
    way: str
    needed: bool
    pair: Pair
    above: "_Way | None"


def _again(here: _Way) -> bool:
    """Whether the way came through the same pair before: a schema that holds itself."""
    above = here.above
    while above is not None:
        if above.pair is here.pair:
            return True
        above = above.above
    return False


def _over_dirty(pair: Pair) -> bool:
    return any(below.dirty for _, _, below in pair.under)


def _spread(dirty: list[Pair]) -> None:
    while dirty:
        pair = dirty.pop()
        if not pair.dirty:
            pair.dirty = True
            dirty.extend(pair.within)
