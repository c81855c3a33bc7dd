"""Kinds of value that say how the world reaches an environment."""

from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.manifest.kinds import WRONG, Json, OneOf, Say, Text, Wrong, differs
from fairlead.manifest.mistakes import shown
from fairlead.manifest.tables import Table

LONGEST_NAME = 253  # characters, RFC 1035, 2.3.4, as text without the last dot

# A letter of any script; what it becomes on the wire is asked in ``wire_name``.
_LETTER = r"[^\x00-/:-@\[-`{-\x7f\s]"
_INNER = r"[^\x00-,./:-@\[-`{-\x7f\s]"
_LABEL = f"{_LETTER}(?:{_INNER}{{0,61}}{_LETTER})?"


def wire_name(name: str) -> str:
    """A host name as DNS and certificates write it: lower case, punycode; "" where that would
    name another one ("ß" may become "ss"), or is too long."""
    lower = name.lower()
    try:
        wire = lower.encode("idna").decode()
        same = wire.encode().decode("idna") == lower or wire == lower
    except UnicodeError:
        return ""
    return wire if same and len(wire) <= LONGEST_NAME else ""


class Domain(Text, frozen=True):
    """A host name that a certificate can be had for: no wildcard, no address."""

    expected: str = 'a domain, such as "example.org"'
    pattern: str = rf"(?![\s\S]*\.[0-9]+$){_LABEL}(?:\.{_LABEL})+"

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The name, or WRONG; one that punycode cannot carry is a mistake of meaning."""
        text = Text.read(self, raw, key, say)
        if isinstance(text, Wrong) or wire_name(text):
            return text
        say(key, f"expected a domain (as punycode, xn--…, if need be), got {shown(raw)}", False)
        return WRONG

    def make(self, value: Any) -> Any:
        """As the wire has it."""
        return wire_name(value)


class WordOr(msgspec.Struct, frozen=True):
    """One of a few words, or a table."""

    words: OneOf
    table: Table

    @property
    def expected(self) -> str:
        """The words, or the table's keys."""
        keys = ", ".join(self.table.names)
        return f"{self.words.expected}, or a table of {keys}"

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The word, or the table as read."""
        if isinstance(raw, Mapping):
            return self.table.read(raw, key, say)
        known = isinstance(raw, str) and raw in self.words.choices
        return raw if known else differs(self, raw, key, say)

    def make(self, value: Any) -> Any:
        """The word, or the table's struct."""
        return value if isinstance(value, str) else self.table.make(value)

    def schema(self) -> Json:
        """Either."""
        return {"anyOf": [self.words.schema(), self.table.schema()]}

    def show(self, value: Any) -> str:
        """The default is a word."""
        return self.words.show(value)
