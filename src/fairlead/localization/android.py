"""Android's string resources: ``<resources>`` with string, plurals and string-array.

"String resources" in Android's developer guides: escapes, quotes, ``translatable``, CDATA and
markup, ``xliff:g`` around what is not to be translated.
"""

import re
from collections.abc import Iterator

from fairlead.localization import xml_tree
from fairlead.localization.model import Broken, Catalog, Entry, Format, Mistake, Syntax, Text
from fairlead.localization.xml_tree import Element

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))|\"|(\s+)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t"}
_IGNORE = "tools:ignore"
_MISSING = "MissingTranslation"


def read(path: str, language: str, data: bytes) -> Catalog | None:
    """The catalog that a file holds; None where it holds other resources. Raises Broken, Unread."""
    top = xml_tree.tree(data)
    if top.name != "resources":
        return None
    wanted = _MISSING not in top.attributes.get(_IGNORE, "") and "donottranslate" not in path
    entries = tuple(entry for element in top.elements for entry in _entries(element, wanted))
    if not entries and not path.endswith("/strings.xml"):
        return None
    mistakes = tuple(mistake for element in top.elements for mistake in _twice(element))
    return Catalog(path, Format.ANDROID, language, entries, mistakes=mistakes, source=not language)


def _entries(element: Element, wanted: bool) -> Iterator[Entry]:
    name, kind = element.attributes.get("name", ""), element.name
    if kind not in _TEXTS:
        return
    if not name:
        raise Broken(element.line, f"<{kind}> has no name")
    texts = _TEXTS[kind](element)
    ignored = _MISSING in element.attributes.get(_IGNORE, "")
    named = element.attributes.get("translatable") == "false" or ignored
    points = bool(texts) and all(text.value.startswith(("@string/", "?")) for text in texts)
    plain = element.attributes.get("formatted") == "false"
    yield Entry(
        f"{kind}/{name}",
        element.line,
        tuple(texts),
        syntax=Syntax.NONE if plain else Syntax.JAVA,
        wanted=wanted and not named and not points,
    )


def _string(element: Element) -> list[Text]:
    return [Text(said(element), element.line)]


def _plurals(element: Element) -> list[Text]:
    return [
        Text(said(item), item.line, plural=item.attributes.get("quantity", ""))
        for item in element.elements
        if item.name == "item"
    ]


def _array(element: Element) -> list[Text]:
    items = [item for item in element.elements if item.name == "item"]
    return [Text(said(item), item.line, f"[{number}]") for number, item in enumerate(items)]


_TEXTS = {"string": _string, "plurals": _plurals, "string-array": _array}


def _twice(element: Element) -> Iterator[Mistake]:
    seen: set[str] = set()
    for item in element.elements if element.name == "plurals" else ():
        quantity, name = item.attributes.get("quantity", ""), element.attributes.get("name", "")
        if quantity in seen:
            what = f"plurals/{name} has the quantity {quantity!r} twice"
            yield Mistake("duplicate", item.line, what, f"plurals/{name}")
        seen.add(quantity)


def said(element: Element) -> str:
    """What an element says once Android has read it: escapes undone, markup kept."""
    return _unescaped(_raw(element))


def _raw(element: Element) -> str:
    return "".join(one if isinstance(one, str) else _tagged(one) for one in element.children)


def _tagged(element: Element) -> str:
    inside = _raw(element)
    if element.name == "xliff:g":
        return inside
    told = "".join(f" {name}={value}" for name, value in element.attributes.items())
    return f"<{element.name}{told}>{inside}</{element.name}>"


def _unescaped(raw: str) -> str:
    """White space outside quotes is one space, and none at the edges; a backslash keeps what
    follows."""
    quoted = False

    def one(found: re.Match[str]) -> str:
        nonlocal quoted
        code, plain, space = found.groups()
        if code:
            return chr(int(code, 16))
        if plain:
            return _PLAIN.get(plain, plain)
        if space:
            return space if quoted else " "
        quoted = not quoted
        return ""

    trimmed = raw.strip()
    return _ESCAPE.sub(one, trimmed).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
