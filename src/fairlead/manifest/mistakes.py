"""What is wrong with a manifest: every mistake at once, each naming file, key, expected and got."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time

import msgspec

from fairlead.base.errors import UsageError

HINT = "mend it and try again; every key, explained: fairlead init --example"
_BARE = re.compile(r"[A-Za-z0-9_-]+")  # what TOML 1.0 allows as a key without quotes
_WIDTH = 60
_MOST_SAID = 50


class Mistake(msgspec.Struct, frozen=True):
    """One mistake, printed as ``fairlead.toml: role.web.copies: expected …, got …``.

    ``key`` is the dotted key, or ``line 3, column 7``. ``form`` is set when the value by itself
    is of the wrong form (a JSON Schema sees it too); else it is what keys mean together.
    """

    file: str
    key: str
    what: str
    form: bool = True

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.what}"


class ManifestError(UsageError):
    """The manifest cannot be used. ``mistakes`` are all of them; ``what`` says the first fifty,
    one per line."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        said = [str(mistake) for mistake in mistakes[:_MOST_SAID]]
        more = len(mistakes) - len(said)
        super().__init__("\n".join([*said, *([f"and {more} more"] if more else [])]), HINT)
        self.mistakes = tuple(mistakes)


def shown(value: object) -> str:
    """A TOML value as a message shows it: one printable line of at most 60 characters."""
    if isinstance(value, dict):
        return "a table" if value else "an empty table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return _scalar(value)


def kind_of(value: object) -> str:
    """What a value is, without the value: for those that may be secret."""
    for types, words in _KINDS:
        if isinstance(value, types):
            return words
    return shown(value)


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number that is not whole"),
    (str, "text"),
    ((date, time), "a date or time"),
)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + _cut(_printable(json.dumps(value, ensure_ascii=False)[1:-1])) + '"'
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return _cut(str(value))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def key_text(parent: str, name: str) -> str:
    """The dotted key of ``name`` below ``parent``, quoted where TOML asks for quotes."""
    last = name if _BARE.fullmatch(name) and len(name) <= _WIDTH else _scalar(name)
    return f"{parent}.{last}" if parent else last


def no_such_key(name: str, known: Iterable[str]) -> str:
    """What to say of a key that is not one of ``known``."""
    names = tuple(known)
    near = _nearest(name.lower(), names)
    if near:
        return f'no such key; did you mean "{near[0]}"?'
    there = {0: "none is known here", 1: "there is only"}.get(len(names), "there are")
    return f"no such key; {there} {', '.join(names)}".rstrip()


def no_such(noun: str, name: str, known: Iterable[str]) -> str:
    """What to say of a ``noun`` that is named and is not there."""
    names = tuple(known)
    if not names:
        return f"expected a {noun}, got {shown(name)}, and there is none"
    near = _nearest(name, names)
    meant = f'; did you mean "{near[0]}"?' if near else ""
    return f"expected a {noun} ({', '.join(names)}), got {shown(name)}{meant}"


def _nearest(name: str, names: Sequence[str]) -> list[str]:
    import difflib  # only where there is a mistake to explain

    return difflib.get_close_matches(name[:_WIDTH], names, n=1)
