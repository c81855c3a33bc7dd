"""Apple's ``.strings``: the old property list with quoted keys and values, in UTF-8 or UTF-16.

"Strings Files" in Apple's Internationalization and Localization Guide; escapes as in
"Old-Style ASCII Property Lists".
"""

import re
from collections.abc import Iterator

from fairlead.localization import plist
from fairlead.localization.decoded import decoded
from fairlead.localization.model import Broken, Catalog, Entry, Format, Syntax, Text, Unread

_TOKEN = re.compile(
    r"(?:\s|//[^\n]*|/\*.*?\*/)*+"
    r"""(?:("(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')|((?!/[/*])[A-Za-z0-9_.$:/+-]+)|([=;])|(\Z)|(.))""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:U([0-9A-Fa-f]{1,4})|u([0-9A-Fa-f]{4})|([0-7]{1,3})|(.))", re.DOTALL)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_XML = (b"<?xml", b"<!DOCTYPE", b"<plist")

Pair = tuple[str, int, str, int]


def read(path: str, language: str, data: bytes) -> Catalog:
    """The catalog that a file holds. Raises Broken and Unread."""
    if data.startswith(b"bplist"):
        raise Unread("a binary property list is not read")
    xml = data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_XML)
    pairs = plist.texts(data) if xml else _pairs(decoded(data, wide=True))
    entries = tuple(
        Entry(key, line, (Text(value, at),), syntax=Syntax.APPLE) for key, line, value, at in pairs
    )
    return Catalog(path, Format.STRINGS, language, entries)


def _pairs(text: str) -> Iterator[Pair]:
    """Each key and its value, with their lines. ``key;`` alone says the key itself."""
    tokens = _tokens(text)
    for kind, key, line in tokens:
        if kind == "end":
            return
        if kind != "text":
            raise Broken(line, f"a key is missing before {key!r}")
        value, at = key, line
        after = next(tokens)
        if after[:2] == ("mark", "="):
            of, value, at = next(tokens)
            if of != "text":
                raise Broken(at, f"a value in quotes is missing after the key {key[:40]!r}")
            after = next(tokens)
        if after[:2] != ("mark", ";"):
            raise Broken(after[2], f"a semicolon is missing after the key {key[:40]!r}")
        yield key, line, value, at


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, what it says, line) of each token; the last is of kind ``end``."""
    place, line, counted = 0, 1, 0
    while found := _TOKEN.match(text, place):
        kind = found.lastindex or 4
        start, place = found.start(kind), found.end()
        line += text.count("\n", counted, start)
        counted = start
        if kind == 4:
            break
        if kind == 5:
            raise Broken(line, _wrong(text[start : start + 20]))
        if kind == 3:
            yield "mark", found[3], line
        else:
            yield "text", _unescaped(found[1][1:-1]) if found[1] else found[2], line
    while True:
        yield "end", "", line


def _wrong(rest: str) -> str:
    if rest[0] in "\"'":
        return "a string is not closed"
    return "a comment is not closed" if rest.startswith("/*") else f"no key and no value: {rest!r}"


def _unescaped(raw: str) -> str:
    if "\\" not in raw:
        return raw

    def said(found: re.Match[str]) -> str:
        if code := found[1] or found[2]:
            return chr(int(code, 16))
        return chr(int(found[3], 8)) if found[3] else _PLAIN.get(found[4], found[4])

    halves = _ESCAPE.sub(said, raw).encode("utf-16", "surrogatepass")  # \Ud83c\Udf00 is one
    return halves.decode("utf-16", "replace")
