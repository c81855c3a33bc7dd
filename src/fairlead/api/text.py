"""A contract's text as plain values, and the line of each of its objects and their keys."""

from typing import Any

from fairlead.base.errors import UsageError
from fairlead.documents.model import Document, Place, Unreadable
from fairlead.documents.read import decoded, document

BYTES = 20_000_000


class Broken(UsageError):
    """A text that cannot be what it says it is. ``line`` counts from 1, 0 where it is not known."""

    def __init__(self, what: str, line: int = 0, path: str = "") -> None:
        super().__init__(what, "mend the document")
        self.line = line
        self.path = path


class Parsed:
    """A value, and where its containers and their keys stand."""

    def __init__(self, read: Document) -> None:
        self.value = read.data
        self._read = read
        self._places: dict[int, Place] = {}

    def line(self, container: Any, key: str = "") -> int:
        """The line of a key in a container, else the container's; 0 where it is not known."""
        if not self._places:
            self._find()
        place = self._places.get(id(container))
        return place.find((key,)) if place is not None else 0

    def _find(self) -> None:
        try:
            waiting = [(self.value, self._read.root)]
        except Unreadable:  # JSON of which the YAML reader can make nothing
            waiting = [(self.value, Place(0))]
        while waiting:
            value, place = waiting.pop()
            if isinstance(value, dict | list) and id(value) not in self._places:
                self._places[id(value)] = place
                items = value.items() if isinstance(value, dict) else enumerate(value)
                waiting.extend((item, place.parts[k]) for k, item in items if k in place.parts)


def parse(data: bytes) -> Parsed:
    """The value of a JSON or YAML text. Raises Broken."""
    if len(data) > BYTES:
        raise Broken(f"more than {BYTES:,} bytes")
    try:
        read = document(decoded(data))
    except Unreadable as error:
        raise Broken(error.what, error.line) from None
    if read.mistakes:
        raise Broken(read.mistakes[0].what, read.mistakes[0].line)
    return Parsed(read)
