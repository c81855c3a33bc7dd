"""JSON catalogs: nested or flat keys to texts, as i18next, FormatJS and vue-i18n read them; ARB.

Plurals: i18next's suffixes (JSON format v4: ``_one`` … ``_other``, ``_ordinal_one`` …; v3:
``_plural`` or ``_0`` …) or ICU MessageFormat inside the text.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from fairlead.localization import json_tree
from fairlead.localization.decoded import decoded
from fairlead.localization.json_tree import Node
from fairlead.localization.model import (
    PLURALS,
    Broken,
    Catalog,
    Entry,
    Format,
    Mistake,
    Syntax,
    Text,
)

_ICU = re.compile(r"\{\s*\w+\s*,\s*(?:plural|select|selectordinal|number|date|time)\s*[,}]")
_SUFFIX = re.compile(rf"(.+)_({'|'.join(PLURALS)})")
_OLD_SUFFIX = re.compile(r"(.+)_(plural|\d)")
_ORDINAL = "_ordinal"
_FEW = 2


def read(path: str, language: str, data: bytes) -> Catalog:
    """The catalog that a file holds; its plurals still one by one. Raises Broken."""
    top = _top(data)
    entries = tuple(
        Entry(key, line, (Text(value, line),), syntax=Syntax.JSON)
        for key, line, value in _leaves(top, "")
    )
    return Catalog(path, Format.JSON, language, entries, mistakes=tuple(_duplicates(top)))


def read_arb(path: str, language: str, data: bytes) -> Catalog:
    """The catalog of an Application Resource Bundle (Flutter): flat, with ICU texts, and with
    what is said about a key under ``@key``. Raises Broken."""
    top = _top(data)
    entries = tuple(
        Entry(key, node.line, (Text(node.value, node.line),), syntax=Syntax.ICU)
        for key, node in top.members or []
        if not key.startswith("@") and node.value is not None
    )
    mistakes = tuple(_duplicates(top))
    return Catalog(path, Format.ARB, top.text("@@locale") or language, entries, mistakes=mistakes)


def _top(data: bytes) -> Node:
    top = json_tree.tree(decoded(data))
    if top.members is None and top.items is None:
        raise Broken(top.line, "the JSON holds no keys")
    return top


def _leaves(node: Node, key: str) -> Iterator[tuple[str, int, str]]:
    if node.value is not None or node.word == "null":
        yield key, node.line, node.value or ""
    numbered = [(str(number), item) for number, item in enumerate(node.items or [])]
    for name, inner in node.members or numbered:
        yield from _leaves(inner, f"{key}.{name}" if key else name)


def _duplicates(top: Node) -> Iterator[Mistake]:
    for names, line in top.twice():
        key = ".".join(names)
        yield Mistake("duplicate", line, f"{key!r} stands twice", key)


def grouped(family: Iterable[Catalog]) -> tuple[Catalog, ...]:
    """The catalogs of one family, each with its plurals together and its texts' syntax known.

    What is a plural shows in the family as a whole: `de` may have lost the form by which `en`
    shows it.
    """
    catalogs = tuple(family)
    texts = [text.value for one in catalogs for entry in one.entries for text in entry.texts]
    syntax = Syntax.ICU if any(_ICU.search(text) for text in texts) else Syntax.JSON
    bases = _bases(catalogs)
    return tuple(
        replace(one, entries=tuple(_together(one.entries, bases, syntax))) for one in catalogs
    )


def _bases(catalogs: Iterable[Catalog]) -> dict[str, re.Pattern[str]]:
    """Keys that have plurals, each with the pattern of its suffixes."""
    found: dict[str, re.Pattern[str]] = {}
    for catalog in catalogs:
        keys = {entry.key for entry in catalog.entries}
        forms: dict[str, set[str]] = {}
        for key in keys:
            if suffixed := _SUFFIX.fullmatch(key):
                forms.setdefault(suffixed[1], set()).add(suffixed[2])
            elif key.endswith("_plural") and key.removesuffix("_plural") in keys:
                found.setdefault(key.removesuffix("_plural"), _OLD_SUFFIX)
        for base, seen in forms.items():
            if "other" in seen and len(seen) >= _FEW:
                found[base] = _SUFFIX
    return found


def _together(
    entries: Iterable[Entry], bases: dict[str, re.Pattern[str]], syntax: Syntax
) -> Iterator[Entry]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        base, plural = _split(entry.key, bases)
        text = replace(entry.texts[0], plural=plural)
        groups.setdefault(base, []).append(replace(entry, texts=(text,)))
    for base, group in groups.items():
        if not group[0].texts[0].plural and base not in bases:
            yield from (replace(entry, syntax=syntax) for entry in group)
            continue
        texts = tuple(text for entry in group for text in entry.texts)
        yield Entry(base, group[0].line, texts, syntax=syntax, ordinal=base.endswith(_ORDINAL))


def _split(key: str, bases: dict[str, re.Pattern[str]]) -> tuple[str, str]:
    """A key without its suffix, and the plural that the suffix says: a category, or `old`."""
    for pattern in (_SUFFIX, _OLD_SUFFIX):
        found = pattern.fullmatch(key)
        if found and bases.get(found[1]) is pattern:
            return found[1], found[2]
    return (key, "singular") if bases.get(key) is _OLD_SUFFIX else (key, "")
