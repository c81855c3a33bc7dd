"""The tags of a text: of HTML, of Android's markup, and those that a component stands for.

What looks like a tag may be prose ("Usage: run <file>"). It counts where HTML knows it, or where
the source closes it.
"""

import re
from collections import Counter

import msgspec

_TAG = re.compile(r"<(/?)([A-Za-z][\w.:-]*|\d+)((?:\s[^<>]*?)?)(/?)>")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}
)
# fmt: off
_HTML = frozenset({
    "a", "abbr", "annotation", "article", "aside", "b", "big", "blockquote", "body", "button",
    "center", "cite", "code", "dd", "del", "details", "div", "dl", "dt", "em", "font", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "html", "i", "iframe", "ins", "kbd",
    "label", "li", "main", "mark", "nav", "ol", "option", "p", "pre", "q", "s", "samp", "section",
    "select", "small", "span", "strike", "strong", "sub", "summary", "sup", "svg", "table", "tbody",
    "td", "textarea", "th", "thead", "tr", "tt", "u", "ul", "var", "video",
})  # The elements of the HTML standard (4, "The elements of HTML") and of Android's Html class.
# fmt: on
# What languages set as they are used to: where a line ends, how a word is quoted or stressed.
_BREAKS = frozenset({"br", "hr", "q", "wbr"})
_EMPHASIS = frozenset({"b", "em", "i", "small", "strong", "sub", "sup", "u"})


class Difference(msgspec.Struct, frozen=True):
    """What is wrong with a translation's tags, as the end of a sentence. ``harmless``: the page
    stays whole (a line's break, an emphasis more)."""

    what: str
    harmless: bool = False


def difference(source: str, translation: str) -> Difference | None:
    """What is wrong with the translation's tags; None for nothing."""
    if "<" not in source and "<" not in translation:
        return None
    known = _paired(source)
    theirs, ours = _tags(source, known), _tags(translation, known)
    fault = _unbalanced(ours)
    if fault and not _unbalanced(theirs):
        return Difference(fault)
    return _other_tags({name for name, _kind in theirs}, {name for name, _kind in ours})


def _other_tags(wanted: set[str], have: set[str]) -> Difference | None:
    missing = sorted(wanted - have, key=lambda name: (name in _BREAKS, name))
    if missing and missing[0] not in _BREAKS:
        return Difference(f"lacks <{missing[0]}>")
    more = sorted(have - wanted, key=lambda name: (name in _BREAKS | _EMPHASIS, name))
    if more:
        harmless = more[0] in _BREAKS | _EMPHASIS
        return Difference(f"has <{more[0]}>, which the source has not", harmless)
    return Difference(f"lacks <{missing[0]}>", harmless=True) if missing else None


def _paired(text: str) -> frozenset[str]:
    """Names that a text both opens and closes, or closes at once: tags whatever they are."""
    opened = {one[2] for one in _TAG.finditer(text) if not one[1]}
    closed = {one[2] for one in _TAG.finditer(text) if one[1]}
    alone = {one[2] for one in _TAG.finditer(text) if one[4]}
    return frozenset(opened & closed | alone)


def _tags(text: str, known: frozenset[str]) -> list[tuple[str, str]]:
    """(name, open, close or alone) of each tag, in order."""
    found = []
    for slash, name, _rest, alone in _TAG.findall(text):
        lower = name.lower()
        if name not in known and lower not in _HTML and lower not in _VOID:
            continue
        kind = "close" if slash else "alone" if alone or lower in _VOID else "open"
        found.append((lower if lower in _HTML or lower in _VOID else name, kind))
    return found


def _unbalanced(tags: list[tuple[str, str]]) -> str:
    """What is opened and not closed, or the other way round."""
    opened = Counter(name for name, kind in tags if kind == "open")
    closed = Counter(name for name, kind in tags if kind == "close" and name not in _VOID)
    for name in opened | closed:
        if opened[name] > closed[name]:
            return f"opens <{name}> and does not close it"
        if closed[name] > opened[name]:
            return f"closes </{name}>, which is not open"
    return ""
