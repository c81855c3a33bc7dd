"""Apple's ``.stringsdict``: plurals and devices as an XML property list.

"Stringsdict File Format" in Apple's Internationalization and Localization Guide.
"""

from collections.abc import Iterator

from fairlead.localization import plist
from fairlead.localization.model import (
    PLURALS,
    Broken,
    Catalog,
    Entry,
    Format,
    Mistake,
    Syntax,
    Text,
    Unread,
)
from fairlead.localization.placeholders import variables
from fairlead.localization.xml_tree import Element

_FORMAT = "NSStringLocalizedFormatKey"
_RULE = "NSStringFormatSpecTypeKey"
_VALUE = "NSStringFormatValueTypeKey"
_OTHERS = {"NSStringVariableWidthRuleType", "NSStringDeviceSpecificRuleType"}


def read(path: str, language: str, data: bytes) -> Catalog:
    """The catalog that a file holds. Raises Broken and Unread."""
    if data.startswith(b"bplist"):
        raise Unread("a binary property list is not read")
    entries: list[Entry] = []
    mistakes: list[Mistake] = []
    for key, value, line in plist.pairs(plist.top(data)):
        if value.name != "dict":
            raise Broken(value.line, f"the value of {key[:40]!r} is no dictionary")
        entries.append(_entry(key, line, value))
        mistakes += _undefined(entries[-1])
        mistakes += _twice(key, value)
    return Catalog(path, Format.STRINGSDICT, language, tuple(entries), mistakes=tuple(mistakes))


def _entry(key: str, line: int, dictionary: Element) -> Entry:
    texts: list[Text] = []
    types: list[tuple[str, str]] = []
    for name, value, at in plist.pairs(dictionary):
        if name == _FORMAT:
            texts.append(Text(value.text, value.line))
        elif name in _OTHERS and value.name == "dict":
            texts += [Text(one.text, one.line, which) for which, one, _at in plist.pairs(value)]
        elif value.name == "dict":
            told = {inner: one for inner, one, _at in plist.pairs(value)}
            if missing := {_RULE, _VALUE} - set(told):
                raise Broken(at, f"the variable {name!r} has no {min(missing)}")
            forms = [(form, told[form]) for form in PLURALS if form in told]
            texts += [Text(one.text, one.line, name, form) for form, one in forms]
            types.append((name, told[_VALUE].text.strip()))
    return Entry(key, line, tuple(texts), syntax=Syntax.APPLE, types=tuple(types))


def _undefined(entry: Entry) -> Iterator[Mistake]:
    """Variables that the entry uses and does not say."""
    known = {name for name, _type in entry.types}
    for text in entry.texts:
        for name in sorted(variables(text.value) - known):
            what = f"{entry.key!r} uses %#@{name}@, which it does not define"
            yield Mistake("placeholder", text.line, what, entry.key)


def _twice(key: str, dictionary: Element) -> Iterator[Mistake]:
    """Names that stand twice in one entry; the last one wins."""
    seen: set[str] = set()
    for name, value, line in plist.pairs(dictionary):
        if name in seen:
            yield Mistake("duplicate", line, f"{key!r} has {name!r} twice", key)
        seen.add(name)
        if value.name == "dict":
            yield from _twice(key, value)
