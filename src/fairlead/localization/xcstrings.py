"""Apple's string catalogs (``.xcstrings``): one JSON file for all languages, since Xcode 15.

The form is that of "Localizing and varying text with a string catalog" (Apple) and of the files
that Xcode writes: strings → key → localizations → language → stringUnit or variations.
"""

from collections.abc import Iterator

from fairlead.localization import json_tree
from fairlead.localization.decoded import decoded
from fairlead.localization.json_tree import Node
from fairlead.localization.model import (
    Broken,
    Catalog,
    Entry,
    Format,
    Mistake,
    State,
    Syntax,
    Text,
)
from fairlead.localization.placeholders import variables

_STATES = {"new": State.NEW, "needs_review": State.FUZZY}
_ALL = "localizations"

Said = Iterator[tuple[Text, State]]


def read(path: str, data: bytes) -> tuple[Catalog, ...]:
    """A catalog for each language that the file has, the source's first. Raises Broken."""
    top = json_tree.tree(decoded(data))
    strings, source = top.get("strings"), top.text("sourceLanguage")
    if strings is None or strings.members is None or not source:
        raise Broken(1, "not a string catalog: it lacks `sourceLanguage` or `strings`")
    found = {language for _key, one in strings.members for language, _said in one.inside(_ALL)}
    faults = (*_duplicates(strings), *_undefined(strings))
    return tuple(
        Catalog(
            path,
            Format.XCSTRINGS,
            language,
            tuple(_entries(strings, language, source)),
            mistakes=faults if language == source else (),
            source=language == source,
        )
        for language in (source, *sorted(found - {source}))
    )


def _duplicates(strings: Node) -> Iterator[Mistake]:
    for names, line in strings.twice():
        inside = f" in {names[0]!r}" if len(names) > 1 else ""
        yield Mistake("duplicate", line, f"{names[-1]!r} stands twice{inside}", names[0])


def _undefined(strings: Node) -> Iterator[Mistake]:
    """Variables that a localization uses and does not say."""
    for key, node in strings.members or []:
        for language, said in node.inside(_ALL):
            known = {name for name, _node in said.inside("substitutions")}
            for text, _state in _said(said):
                for name in sorted(variables(text.value) - known):
                    what = f"{key!r} uses %#@{name}@, which {language} does not define"
                    yield Mistake("placeholder", text.line, what, key)


def _entries(strings: Node, language: str, source: str) -> Iterator[Entry]:
    for key, node in strings.members or []:
        found = [said for name, said in node.inside(_ALL) if name == language]
        if found or language == source:
            yield _entry(key, node, found[-1] if found else None, language == source)


def _entry(key: str, node: Node, said: Node | None, source: bool) -> Entry:
    """What one language says for a key. The source says the key itself, unless told otherwise."""
    pairs = list(_said(said)) if said else []
    texts = [text for text, _state in pairs]
    states = {state for _text, state in pairs}
    state = next((one for one in (State.NEW, State.FUZZY) if one in states), State.DONE)
    if source:
        texts = texts or [Text(key, node.line)]
        state = State.STALE if node.text("extractionState") == "stale" else State.DONE
    told = node.get("shouldTranslate")
    return Entry(
        key,
        said.line if said else node.line,
        tuple(texts),
        syntax=Syntax.APPLE,
        state=state,
        wanted=told is None or told.word != "false",
        types=tuple(_types(said)) if said else (),
    )


def _said(node: Node, part: str = "", plural: str = "") -> Said:
    """Every text below a localization or a variation. ``part`` is a device or a %variable."""
    if unit := node.get("stringUnit"):
        value = unit.get("value")
        line = value.line if value else unit.line
        said = Text(unit.text("value"), line, part, plural)
        yield said, _STATES.get(unit.text("state"), State.DONE)
    for form, inner in node.inside("variations", "plural"):
        yield from _said(inner, part, form)
    for device, inner in node.inside("variations", "device"):
        yield from _said(inner, device, plural)
    for name, inner in node.inside("substitutions"):
        yield from _said(inner, f"%{name}", plural)
    if phrases := node.get("stringSet"):
        state = _STATES.get(phrases.text("state"), State.DONE)
        said_all = (phrases.get("values") or phrases).items or []
        yield from ((Text(one.value or "", one.line, "set"), state) for one in said_all)


def _types(said: Node) -> Iterator[tuple[str, str]]:
    for name, node in said.inside("substitutions"):
        yield name, node.text("formatSpecifier")
        number = node.get("argNum")
        yield f"{name} (argNum)", number.word if number else ""
