"""One translation against its original: placeholders, plural forms, markup, edges.

Each answer is a ``Mistake``: where in the translation's file, and what is wrong there.
"""

from collections.abc import Iterator

import msgspec

from fairlead.checks.model import Level
from fairlead.localization import icu, markup, placeholders
from fairlead.localization.languages import RARE, categories
from fairlead.localization.model import Catalog, Entry, Format, Mistake, Syntax, Text
from fairlead.localization.placeholders import Placeholders, unnamed

_OTHER_ALWAYS = frozenset({Format.STRINGSDICT, Format.XCSTRINGS})  # Apple asks for it
_OLD = frozenset({"singular", "plural", *map(str, range(10))})
_DART = {1: "one", 2: "two"}
_SHOWN = 60


class Pair(msgspec.Struct, frozen=True):
    """What is compared: an entry, the catalog it is in, and the original's texts (none: not
    known). ``types`` are what the original declares."""

    entry: Entry
    catalog: Catalog
    originals: tuple[Text, ...] = ()
    types: tuple[tuple[str, str], ...] = ()
    source: bool = False


def shown(key: str) -> str:
    """A key as a sentence has it: short, on one line, a context before a bar."""
    line = " ".join(key.replace("\x04", "|").split())
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "…")


def mistakes(pair: Pair) -> Iterator[Mistake]:
    """All that is wrong with an entry that says something."""
    yield from _plurals(pair)
    yield from _types(pair)
    for text in pair.entry.texts:
        if not text.value:
            continue
        if pair.entry.syntax is Syntax.ICU:
            yield from _icu(pair, text)
        if originals := _originals(pair, text):
            yield from _placeholders(pair, text, originals)
            if pair.source:
                continue
            yield from _markup(pair, text, originals[0])
            yield from _edges(pair, text, originals[0])


def _originals(pair: Pair, text: Text) -> list[Text]:
    """The texts that a translation may have followed, the nearest first: of the same part, of
    the same plural, then `other`."""
    part = [one for one in pair.originals if one.part == text.part and one.value]
    if not part and not _own(pair, text):
        part = [one for one in pair.originals if not one.part and one.value]
    near = {text.plural: 0, "other": 1, "plural": 1, "": 2}
    if pair.catalog.forms and len(part) > 1:
        chosen = pair.catalog.forms.chosen
        single = text.plural.isdigit() and len(chosen) > 1 and chosen[1] == int(text.plural)
        near = {"one": 0 if single else 1, "other": 1 if single else 0}
    return sorted(part, key=lambda one: near.get(one.plural, 3))


def _few(pair: Pair, text: Text) -> bool:
    """Whether the text speaks of one or a few numbers only, so that it may leave them out."""
    forms = pair.catalog.forms
    if forms and text.plural.isdigit():
        return forms.count > 1 and forms.chosen.count(int(text.plural)) <= RARE
    if text.plural in ("zero", "singular") or (text.plural in _OLD and text.plural != "plural"):
        return True
    numbers = categories(pair.catalog.language, ordinal=pair.entry.ordinal)
    return text.plural in ("one", "two") and len(numbers.get(text.plural, ())) <= RARE


# ---- plural forms


def _plurals(pair: Pair) -> Iterator[Mistake]:
    if pair.catalog.format is Format.PO:
        yield from _numbered(pair)
        return
    entry = pair.entry
    parts = dict.fromkeys(text.part for text in entry.texts if text.plural)
    for part in parts:
        texts = [text for text in entry.texts if text.part == part]
        have = {text.plural for text in texts if text.plural}
        if have & _OLD:
            yield from _old(pair, texts, have)
            continue
        needed = set(categories(pair.catalog.language, ordinal=entry.ordinal))
        if not needed or pair.catalog.format in _OTHER_ALWAYS:
            needed.add("other")
        if lacking := needed - have:
            yield _lacking(pair, lacking, texts[0].line)
    plural = any(
        text.plural and text.plural not in _OLD and not text.part for text in pair.originals
    )
    if plural and not parts and not entry.empty:
        needed = set(categories(pair.catalog.language))
        if len(needed) > 1:
            yield _lacking(pair, needed, entry.line)


def _lacking(pair: Pair, forms: set[str], line: int) -> Mistake:
    named = " and ".join(f"`{form}`" for form in sorted(forms))
    what = f"{shown(pair.entry.key)} has no plural form {named}, which {_language(pair)} needs"
    return Mistake("plural", line, what, pair.entry.key)


def _old(pair: Pair, texts: list[Text], have: set[str]) -> Iterator[Mistake]:
    """i18next's JSON format v3: `key` and `key_plural`, or `key_0`, `key_1` … by number."""
    numbered = sum(form.isdigit() for form in have)
    needed = len(categories(pair.catalog.language)) or 1
    if (numbered and numbered < needed) or (not numbered and needed > 1 and len(have) == 1):
        what = f"{shown(pair.entry.key)} has {len(have)} plural forms; "
        what += f"{_language(pair)} needs {needed}"
        yield Mistake("plural", texts[0].line, what, pair.entry.key)


def _numbered(pair: Pair) -> Iterator[Mistake]:
    """gettext: as many as the header says."""
    texts = [text for text in pair.entry.texts if text.plural]
    forms = pair.catalog.forms
    if forms and texts:
        have = {int(text.plural) for text in texts}
        if have != set(range(forms.count)):
            what = f"{shown(pair.entry.key)} has {len(have)} plural forms; "
            what += f"the header's Plural-Forms says {forms.count}"
            yield Mistake("plural", texts[0].line, what, pair.entry.key)


def _language(pair: Pair) -> str:
    return pair.catalog.language or "the source"


# ---- placeholders


def _types(pair: Pair) -> Iterator[Mistake]:
    theirs = dict(pair.types)
    for name, ours in pair.entry.types:
        if ours and (wanted := theirs.get(name)) and _norm(wanted) != _norm(ours):
            what = (
                f"{shown(pair.entry.key)} takes {name} as {ours!r}, where its source has {wanted!r}"
            )
            yield Mistake("placeholder", pair.entry.line, what, pair.entry.key)


def _norm(specifier: str) -> str:
    found = placeholders.found(f"%{specifier}", Syntax.APPLE).known
    return found.get("1", specifier)


def _placeholders(pair: Pair, text: Text, originals: list[Text]) -> Iterator[Mistake]:
    syntax = pair.entry.syntax
    if syntax is Syntax.ICU:
        return
    own = _own(pair, text)
    ours = placeholders.found(text.value, syntax, own)
    if ours.mixed:
        what = f"{shown(pair.entry.key)} mixes placeholders with and without a position"
        yield Mistake("placeholder", text.line, what, pair.entry.key)
        return
    if _rephrased(pair):
        return
    every = [unnamed(placeholders.found(one.value, syntax, own).known) for one in originals]
    mine = unnamed(ours.known)
    if pair.source or mine in _choices(text, originals, every):
        return
    if not any(every) and placeholders.doubtful(text.value, syntax):
        return
    known: Placeholders = {name: kind for one in every for name, kind in one.items()}
    if _few(pair, text) and mine.items() <= known.items():
        return
    nearest = max(every, key=len) if text.plural else every[0]
    what = f"{shown(pair.entry.key)} {_difference(nearest, mine, syntax)}"
    yield Mistake("placeholder", text.line, what, pair.entry.key)


def _own(pair: Pair, text: Text) -> bool:
    """Whether it is the text of one of the entry's variables."""
    return any(name in (text.part, text.part.removeprefix("%")) for name, _type in pair.entry.types)


def _choices(text: Text, originals: list[Text], every: list[Placeholders]) -> list[Placeholders]:
    """What a translation's placeholders may be: those of the original it follows."""
    if not text.plural:
        return every[:1]
    same = [one for one, of in zip(every, originals, strict=True) if of.plural == text.plural]
    return [*same, max(every, key=len)]


def _rephrased(pair: Pair) -> bool:
    """Whether the translation puts in variables of its own (Apple's), so that the two texts
    cannot be compared."""
    return bool(pair.entry.types) != bool(pair.types)


def _difference(theirs: Placeholders, ours: Placeholders, syntax: Syntax) -> str:
    lost = [_placeholder(name, theirs[name], syntax) for name in theirs if name not in ours]
    more = [_placeholder(name, ours[name], syntax) for name in ours if name not in theirs]
    if lost and more:
        return f"has {more[0]}, where its source has {lost[0]}"
    if lost:
        return f"lacks {lost[0]}, which its source has"
    if more:
        return f"has {more[0]}, which its source has not"
    wrong = next(name for name in theirs if theirs[name] != ours[name])
    return (
        f"takes {_placeholder(wrong, ours[wrong], syntax)}, where its source takes {theirs[wrong]}"
    )


def _placeholder(name: str, kind: str, syntax: Syntax) -> str:
    if not name.isdigit() or syntax in (Syntax.BRACE, Syntax.JSON, Syntax.QT):
        return f"the placeholder {name!r}" + (f" ({kind})" if kind else "")
    return f"placeholder {name}" + (f" ({kind})" if kind else "")


# ---- ICU MessageFormat


def _icu(pair: Pair, text: Text) -> Iterator[Mistake]:
    try:
        ours = icu.message(text.value)
    except icu.Wrong as error:
        what = f"{shown(pair.entry.key)} is no ICU message: {error}"
        yield Mistake("syntax", text.line, what, pair.entry.key)
        return
    yield from _icu_plurals(pair, text, ours)
    originals = _originals(pair, text)
    if pair.source or not originals:
        return
    try:
        theirs = icu.message(originals[0].value)
    except icu.Wrong:
        return  # said once, of the source
    if difference := _icu_difference(theirs, ours):
        what = f"{shown(pair.entry.key)} {difference}"
        yield Mistake("placeholder", text.line, what, pair.entry.key)


def _icu_plurals(pair: Pair, text: Text, ours: icu.Message) -> Iterator[Mistake]:
    for name, kind, forms in ours.options:
        if kind == "select":
            continue
        said = set(forms)
        exact = {int(form[1:]) for form in forms if form.startswith("=")}
        exact |= {0} if exact else set()  # "one" of French is for 0 too, and =0 is seldom said
        if pair.catalog.format is Format.ARB:  # Dart's intl takes =1 for the form `one`
            said |= {name for number, name in _DART.items() if number in exact}
        needed = categories(pair.catalog.language, ordinal=kind == "selectordinal")
        lacking = {form for form, numbers in needed.items() if form not in said and numbers - exact}
        if lacking:
            named = " and ".join(f"`{form}`" for form in sorted(lacking))
            what = f"{shown(pair.entry.key)}: the {kind} of {name!r} has no form {named}, "
            what += f"which {_language(pair)} needs"
            yield Mistake("plural", text.line, what, pair.entry.key)


def _icu_difference(theirs: icu.Message, ours: icu.Message) -> str:
    plain = ("", "plural", "number", "selectordinal")
    for name, kind in theirs.arguments.items():
        if name not in ours.arguments:
            return f"lacks the argument {name!r}, which its source has"
        mine = ours.arguments[name]
        if mine != kind and not (mine in plain and kind in plain):
            return (
                f"takes the argument {name!r} as {mine or 'text'}, its source as {kind or 'text'}"
            )
    for name in ours.arguments:
        if name not in theirs.arguments:
            return f"has the argument {name!r}, which its source has not"
    return ""


# ---- markup and edges


def _markup(pair: Pair, text: Text, original: Text) -> Iterator[Mistake]:
    if difference := markup.difference(original.value, text.value):
        what = f"{shown(pair.entry.key)} {difference.what}"
        level = Level.WARNING if difference.harmless else Level.ERROR
        yield Mistake("markup", text.line, what, pair.entry.key, level)


def _edges(pair: Pair, text: Text, original: Text) -> Iterator[Mistake]:
    """White space before and after; for gettext a line's end there is msgfmt's own error."""
    ours, theirs = text.value, original.value
    for where, mine, wanted in (
        ("begins", _before(ours), _before(theirs)),
        ("ends", _before(ours[::-1]), _before(theirs[::-1])),
    ):
        if mine == wanted:
            continue
        lines = ("\n" in mine[:1]) != ("\n" in wanted[:1])
        level = Level.ERROR if lines and pair.catalog.format is Format.PO else Level.WARNING
        what = (
            f"{shown(pair.entry.key)} {where} with {_white(mine)}, its source with {_white(wanted)}"
        )
        yield Mistake("edges", text.line, what, pair.entry.key, level)


def _before(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _white(space: str) -> str:
    if not space:
        return "no white space"
    return "a line's end" if "\n" in space else f"{len(space)} blank{'s' * (len(space) > 1)}"
