"""A document that somebody wrote: its data, and where each part of it stands."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import msgspec

from fairlead.base.errors import FairleadError

Path = Sequence[str | int]
"""Where a part is: the keys and the numbers of items (from 0) that lead to it."""


class Unreadable(FairleadError):
    """The text is no document, or larger or deeper than one may be. ``line`` counts from 1."""

    def __init__(self, what: str, line: int = 0, hint: str = "") -> None:
        super().__init__(what, hint)
        self.line = line


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong in a document that can be read all the same: a key that stands twice."""

    line: int
    what: str


class Place:
    """The line of a value (of its key, where it has one), and the places of its parts."""

    __slots__ = ("line", "parts")

    def __init__(self, line: int) -> None:
        self.line = line
        self.parts: dict[str | int, Place] = {}

    def find(self, path: Path) -> int:
        """The line of what the path leads to; of the last part that is there, where it ends."""
        place = self
        for key in path:
            below = place.parts.get(key)
            if below is None:
                break
            place = below
        return place.line


class Document:
    """One document: ``data`` of dict, list, str, int, float, bool and None.

    What an alias repeats is the same object: nobody may change the data. Times stay text, and
    keys are text as it was written. ``mistakes`` are all of them, in the order of the text.
    """

    def __init__(
        self, data: Any, mistakes: tuple[Mistake, ...], places: Callable[[], Place]
    ) -> None:
        self.data = data
        self.mistakes = mistakes
        self._places = places

    @cached_property
    def root(self) -> Place:
        """Where everything is; found when it is first asked for."""
        return self._places()

    def line(self, path: Path = ()) -> int:
        """The line, from 1, of the part at ``path``, or of the nearest part above it."""
        return self.root.find(path)
