"""gettext's ``.po`` and ``.pot`` (GNU gettext manual, "The Format of PO Files").

Ours and not a library's: see docs/decisions/0018-babel.md.
"""

import gettext
import re
from collections.abc import Iterator

import msgspec

from fairlead.checks.model import Level
from fairlead.localization.decoded import decoded, in_encoding
from fairlead.localization.model import (
    Broken,
    Catalog,
    Entry,
    Format,
    Forms,
    Mistake,
    State,
    Syntax,
    Text,
)

CONTEXT = "\x04"
"""Stands between a context and its msgid, as in ``.mo`` files."""
NUMBERS = range(1001)
"""The numbers that plural forms are tried with; msgfmt's own."""
_MOST_FORMS = 100
_HALF = "a message is obsolete (#~) in some of its lines only"

_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d{1,3})\])?)[ \t]*(?=[\"\s]|$)")
_QUOTED = re.compile(r'[ \t]*"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\\"])|([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.?))", re.DOTALL)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CHARSET = re.compile(rb"Content-Type:[^\n]*?charset=([A-Za-z0-9._:-]+)", re.IGNORECASE)
_FORMS = re.compile(r"nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+);?")

# The flags of "PO File Entries", each with how its placeholders look.
_SYNTAX = {
    "c": Syntax.C,
    "objc": Syntax.APPLE,
    "php": Syntax.C,
    "lua": Syntax.C,
    "python": Syntax.PYTHON,
    "python-brace": Syntax.BRACE,
    "perl-brace": Syntax.BRACE,
    "csharp": Syntax.BRACE,
    "java-printf": Syntax.JAVA,
    "javascript": Syntax.C,
    "ruby": Syntax.RUBY,
    "qt": Syntax.QT,
    "qt-plural": Syntax.QT,
    "kde": Syntax.QT,
}


class _Draft(msgspec.Struct):
    """An entry while its lines are read: per keyword its line, and its pieces."""

    flags: set[str] = msgspec.field(default_factory=set)
    parts: dict[str, list[str]] = msgspec.field(default_factory=dict)
    lines: dict[str, int] = msgspec.field(default_factory=dict)
    obsolete: bool = False

    @property
    def answered(self) -> bool:
        return any(name.startswith("msgstr") for name in self.parts)

    def text(self, name: str) -> Text:
        number = name[7:-1] if name.startswith("msgstr[") else ""
        value = "".join(self.parts[name])
        return Text(value, self.lines[name], plural=str(int(number)) if number else "")


def read(path: str, language: str, data: bytes) -> Catalog:
    """The catalog that a file holds. Raises Broken."""
    named = _CHARSET.search(data)
    charset = named[1].decode() if named else "utf-8"
    usual = charset.lower() in ("charset", "utf-8", "utf8")  # a template's header says CHARSET
    text = decoded(data) if usual else in_encoding(data, charset)
    drafts = [draft for draft in _drafts(text) if draft.parts]
    living = [draft for draft in drafts if not draft.obsolete]
    header = next((one for one in living if _key(one) == ""), None)
    forms, mistakes = _forms(header) if header else (None, ())
    entries = tuple(_entry(draft) for draft in living if draft is not header)
    gone = [draft for draft in drafts if draft.obsolete]
    mistakes = (*mistakes, *_obsolete(gone))
    return Catalog(path, Format.PO, language, entries, forms, mistakes, path.endswith(".pot"))


def _drafts(text: str) -> Iterator[_Draft]:
    draft, current = _Draft(), ""
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole.strip()
        if not line:
            continue
        if line.startswith("#") and not line.startswith("#~"):
            if draft.answered:
                yield _complete(draft, number)
                draft = _Draft()
            draft.flags |= _flags(line)
            continue
        obsolete = line.startswith("#~")
        line = line[2:].strip() if obsolete else line
        keyword = _KEYWORD.match(line)
        if keyword and draft.answered and not keyword[1].startswith("msgstr"):
            yield _complete(draft, number)
            draft = _Draft()
        current = _add(draft, current, number, obsolete, line)
    if draft.parts or draft.flags:
        yield _complete(draft, text.count("\n") + 1)


def _flags(comment: str) -> set[str]:
    return {one.strip() for one in comment[2:].split(",")} if comment.startswith("#,") else set()


def _add(draft: _Draft, current: str, number: int, obsolete: bool, line: str) -> str:
    """Take a line into the draft; which keyword's text is being read after it."""
    if line.startswith("|") or not line:  # what an obsolete message said before
        return current
    keyword = _KEYWORD.match(line)
    if keyword:
        current = keyword[1]
        _begin(draft, current, number, obsolete)
    elif obsolete != draft.obsolete and draft.parts:
        raise Broken(number, _HALF)
    elif not line.startswith('"') or current not in draft.parts:
        raise Broken(number, f"no keyword of gettext begins this line: {line[:40]!r}")
    draft.parts[current].append(_strings(line[keyword.end() :] if keyword else line, number))
    return current


def _begin(draft: _Draft, name: str, line: int, obsolete: bool) -> None:
    if name in draft.parts:
        raise Broken(line, f"{name} stands here a second time for one message")
    if draft.parts and obsolete != draft.obsolete:
        raise Broken(line, _HALF)
    if name.startswith("msgstr") and "msgid" not in draft.parts:
        raise Broken(line, f"{name} without a msgid before it")
    draft.obsolete = obsolete
    draft.parts[name], draft.lines[name] = [], line


def _complete(draft: _Draft, line: int) -> _Draft:
    """The same, once it is known to be whole."""
    if not draft.parts:
        return draft
    first = min(draft.lines.values())
    if "msgid" not in draft.parts:
        raise Broken(first, "a message without a msgid")
    if not draft.answered:
        raise Broken(min(line, first), "a message without a msgstr")
    plural = "msgid_plural" in draft.parts
    for name in draft.parts:
        if name.startswith("msgstr") and plural != (name != "msgstr"):
            wanted = "msgstr[0] and so on" if plural else "msgstr"
            raise Broken(draft.lines[name], f"{name}, where {wanted} belongs")
    return draft


def _strings(rest: str, line: int) -> str:
    """What the quoted strings of one line say together."""
    place, pieces = 0, []
    while found := _QUOTED.match(rest, place):
        pieces.append(_unescaped(found[1], line))
        place = found.end()
    if rest[place:].strip() or not pieces:
        raise Broken(line, "a string is not closed on its line, or is not quoted")
    return "".join(pieces)


def _unescaped(raw: str, line: int) -> str:
    if "\\" not in raw:
        return raw

    def said(found: re.Match[str]) -> str:
        plain, octal, hexadecimal, other = found.groups()
        if plain:
            return _PLAIN.get(plain, plain)
        if other is not None and not (octal or hexadecimal):
            raise Broken(line, f"the escape \\{other} is none of gettext's")
        return chr(int(octal, 8) if octal else int(hexadecimal, 16))

    return _ESCAPE.sub(said, raw)


def _key(draft: _Draft) -> str:
    named = [name for name in ("msgctxt", "msgid") if name in draft.parts]
    return CONTEXT.join("".join(draft.parts[name]) for name in named)


def _entry(draft: _Draft) -> Entry:
    said = [draft.text(name) for name in draft.parts if name.startswith("msgstr")]
    original = [draft.text("msgid")]
    if "msgid_plural" in draft.parts:
        original.append(msgspec.structs.replace(draft.text("msgid_plural"), plural="other"))
        original[0] = msgspec.structs.replace(original[0], plural="one")
    return Entry(
        _key(draft),
        min(draft.lines.values()),
        tuple(said),
        tuple(original),
        _syntax(draft.flags),
        State.FUZZY if "fuzzy" in draft.flags else State.DONE,
    )


def _syntax(flags: set[str]) -> Syntax:
    for flag in sorted(flags):
        if flag.startswith("no-") and flag.endswith("-format"):
            return Syntax.NONE
        if flag.endswith("-format") and (found := _SYNTAX.get(flag.removesuffix("-format"))):
            return found
    return Syntax.GUESSED


def _forms(header: _Draft) -> tuple[Forms | None, tuple[Mistake, ...]]:
    name = next(name for name in header.parts if name.startswith("msgstr"))
    value, line = "".join(header.parts[name]), header.lines[name]
    told = next((one for one in value.split("\n") if one.lower().startswith("plural-forms:")), "")
    if not told or "EXPRESSION" in told:  # a template's
        return None, ()
    found = _FORMS.search(told)
    if not found or not 1 <= int(found[1]) <= _MOST_FORMS:
        what = "Plural-Forms is not `nplurals=NUMBER; plural=EXPRESSION;`"
        return None, (Mistake("plural", line, what, "Plural-Forms"),)
    count = int(found[1])
    chosen = _chosen(found[2], count)
    if -1 not in chosen:
        return Forms(count, line, chosen), ()
    what = f"Plural-Forms gives none of its {count} forms for the number {chosen.index(-1)}"
    return Forms(count, line, chosen), (Mistake("plural", line, what, "Plural-Forms"),)


def _chosen(expression: str, count: int) -> tuple[int, ...]:
    """Which form each number gets, by the standard library's reading of the expression."""
    try:
        rule = gettext.c2py(expression.strip())
        numbers = [int(rule(number)) for number in NUMBERS]
    except (ValueError, ArithmeticError, RecursionError):
        return (-1,) * len(NUMBERS)
    return tuple(number if 0 <= number < count else -1 for number in numbers)


def _obsolete(gone: list[_Draft]) -> Iterator[Mistake]:
    if gone:
        first = min(gone[0].lines.values())
        what = f"{len(gone)} obsolete messages (#~) are kept"
        yield Mistake("stale", first, what, "obsolete", Level.NOTE)
