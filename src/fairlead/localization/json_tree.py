"""JSON (RFC 8259) with the line of every member, and with members that stand twice.

The standard library's reader keeps neither.
"""

import json
import re
from collections.abc import Iterator
from typing import Optional

import msgspec

from fairlead.localization.model import Broken

DEEPEST = 100
_TOKEN = re.compile(
    r'[ \t\r\n]*(?:([{}\[\],:])|("(?:[^"\\\x00-\x1f]|\\.)*")'
    r"|((?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-]))|(\Z)|(.))",
    re.DOTALL,
)
_PUNCTUATION = ("", "}", "]", ",", ":")
_HALF = re.compile("[\x00\ud800-\udfff]")


class Node(msgspec.Struct):
    """A value and the line it begins on.

    ``value`` is set for a text, ``members`` for an object and ``items`` for an array; ``word`` is
    a number, a boolean or null as it is written.
    """

    line: int
    value: str | None = None
    members: list[tuple[str, "Node"]] | None = None
    items: list["Node"] | None = None
    word: str = ""

    def get(self, name: str) -> Optional["Node"]:
        """The member of that name; the last where it stands twice, as most readers have it."""
        return next((node for key, node in reversed(self.members or []) if key == name), None)

    def text(self, name: str) -> str:
        """What the member of that name says, "" for nothing."""
        found = self.get(name)
        return found.value or "" if found else ""

    def inside(self, *names: str) -> list[tuple[str, "Node"]]:
        """The members of what is found by going from name to name, none where there is no such."""
        found: Node | None = self
        for name in names:
            found = found.get(name) if found else None
        return found.members or [] if found else []

    def twice(self, *above: str) -> Iterator[tuple[tuple[str, ...], int]]:
        """Where a name stands that its object had before: the names on the way, and the line."""
        seen: set[str] = set()
        for name, node in self.members or []:
            if name in seen:
                yield (*above, name), node.line
            seen.add(name)
            yield from node.twice(*above, name)
        for number, node in enumerate(self.items or []):
            yield from node.twice(*above, str(number))


def tree(text: str) -> Node:
    """The whole document. Raises Broken with the line."""
    reader = _Reader(text)
    found = reader.value(reader.next(), 0)
    if reader.next() != "":
        raise Broken(reader.line, "something stands after the end of the JSON")
    return found


class _Reader:
    """Where the reading stands; ``line`` is that of the last piece read."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.line, self.counted = text, 0, 1, 0

    def next(self) -> str:
        """The next piece of the text, "" at the end."""
        found = _TOKEN.match(self.text, self.place)
        if found is None:
            return ""
        kind = found.lastindex or 4
        start, self.place = found.start(kind), found.end()
        self.line += self.text.count("\n", self.counted, start)
        self.counted = start
        if kind == 5:
            raise Broken(self.line, f"this is no JSON: {self.text[start : start + 20]!r}")
        return found[kind]

    def value(self, piece: str, depth: int) -> Node:
        if depth > DEEPEST:
            raise Broken(self.line, f"the JSON is nested more than {DEEPEST} deep")
        if piece in _PUNCTUATION:
            raise Broken(self.line, f"a value is missing before {piece or 'the end of the file'}")
        node = Node(self.line)
        if piece == "{":
            node.members = list(self._members(depth))
        elif piece == "[":
            node.items = list(self._items(depth))
        elif piece.startswith('"'):
            node.value = self._string(piece)
        else:
            node.word = piece
        return node

    def _members(self, depth: int) -> Iterator[tuple[str, Node]]:
        piece = self.next()
        while piece != "}":
            if not piece.startswith('"'):
                raise Broken(self.line, f"a name in quotes is missing before {piece or 'the end'}")
            name, line = self._string(piece), self.line
            self._expect(":")
            node = self.value(self.next(), depth + 1)
            node.line = line
            yield name, node
            piece = self._after("}")

    def _items(self, depth: int) -> Iterator[Node]:
        piece = self.next()
        while piece != "]":
            yield self.value(piece, depth + 1)
            piece = self._after("]")

    def _after(self, end: str) -> str:
        """What follows a member or an item: its end, or the next one's first piece."""
        piece = self.next()
        if piece == end:
            return piece
        if piece != ",":
            raise Broken(self.line, f"a comma or {end} is missing before {piece or 'the end'}")
        piece = self.next()
        if piece == end:
            raise Broken(self.line, f"a comma before {end}")
        return piece

    def _expect(self, wanted: str) -> None:
        if (piece := self.next()) != wanted:
            raise Broken(self.line, f"a {wanted} is missing before {piece or 'the end'}")

    def _string(self, piece: str) -> str:
        try:
            found = str(json.loads(piece))
        except ValueError as error:
            raise Broken(self.line, "a string with an escape that is none of JSON's") from error
        if _HALF.search(found):
            raise Broken(self.line, "a string with half a character, or the character U+0000")
        return found
