"""What is found in families of catalogs, as findings.

Levels: what breaks a page or says nonsense is an error in every language (placeholders, plural
forms, markup, syntax, encoding, duplicates). What is only absent is a warning, so that a team
with half a language is not stopped, and an error in a language that is named to be whole.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from fairlead.checks.model import Finding, Level
from fairlead.localization import pairs, placeholders
from fairlead.localization.languages import categories, fallbacks, normal
from fairlead.localization.model import Catalog, Entry, Family, Format, Mistake, State, Text
from fairlead.localization.pairs import Pair, shown

LISTED = 20
"""How many warnings or notes of one rule are listed for one file; a last one counts the others."""
_SUBJECT = 120

HINTS = {
    "missing": "add it to the catalog",
    "untranslated": "translate it, or mark it as not to be translated",
    "stale": "remove it, or bring it back to the source",
    "duplicate": "keep one of them",
    "placeholder": "use the placeholders that the source has",
    "plural": "write one text for each form that the language has (CLDR)",
    "markup": "use the tags that the source has, and close each",
    "edges": "begin and end as the source does",
    "fuzzy": "look at it, correct it, and remove the mark",
    "syntax": "correct the file: nothing of it can be read",
    "encoding": "save the file in the encoding that it declares, best UTF-8",
    "source": "name the language that the others are made from as `source`",
    "code": "add the key to the source's catalog, or correct the call",
    "document": "correct the document, or add the key to the source's catalog",
}

Said = dict[str, tuple[Entry, Catalog]]


class Wanted(msgspec.Struct, frozen=True):
    """What is asked: the language others are compared with, and those that must be whole."""

    source: str
    whole: tuple[str, ...] = ()

    def absent(self, language: str) -> Level:
        """How much a text that is not there weighs in a language."""
        whole = {normal(one) for one in self.whole}
        return Level.ERROR if normal(language) in whole else Level.WARNING


def finding(path: str, language: str, mistake: Mistake) -> Finding:
    """A mistake as it is told; its subject is stable across commits."""
    about = " ".join(mistake.subject.replace("\x04", "|").split())[:_SUBJECT]
    subject = ": ".join(filter(None, (language, about))) or path
    hint = HINTS[mistake.rule]
    rule = f"localization.{mistake.rule}"
    return Finding(rule, mistake.message, mistake.level, path, mistake.line, subject, hint)


def findings(families: Iterable[Family], wanted: Wanted) -> tuple[Finding, ...]:
    """All that is found, errors first, then by file and line."""
    found = [one for family in families for one in _family(family, wanted)]
    order = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}
    found.sort(key=lambda one: (order[one.level], one.path, one.line, one.rule, one.subject))
    return tuple(_shortened(found))


def _shortened(found: Iterable[Finding]) -> Iterator[Finding]:
    """The same; of many warnings or notes of one rule for one file only the first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    more: dict[tuple[str, str, str], Finding] = {}
    for one in found:
        kind = (one.path, one.rule, one.subject.split(": ")[0])
        counts[kind] += 1
        if one.level is Level.ERROR or counts[kind] <= LISTED:
            yield one
        else:
            more[kind] = one
    for (path, rule, language), last in more.items():
        count = counts[path, rule, language] - LISTED
        what = f"{count} more of {rule} in {language}"
        yield Finding(rule, what, last.level, path, last.line, f"{language}: more", last.hint)


def _family(family: Family, wanted: Wanted) -> Iterator[Finding]:
    source = _source(family, wanted.source)
    for catalog in family.catalogs:
        for mistake in (*catalog.mistakes, *_duplicates(catalog), *_forms(catalog)):
            yield finding(catalog.path, catalog.language, mistake)
    languages = _languages(family)
    if family.catalogs[0].format is Format.ANDROID:
        yield from _apart(languages)
    basis = _said(source) if source else _union(family)
    yield from _source_itself(source)
    for language, catalogs in languages.items():
        if catalogs[0] in source:
            continue
        said = _said(catalogs)
        own = normal(language) == normal(wanted.source)
        if not own:
            yield from _missing(basis, said, catalogs, _nearer(languages, language, source), wanted)
        if source:
            yield from _stale(basis, said)
        yield from _translations(basis if source else {}, said, own, wanted)
    yield from _absent_languages(family, languages, wanted)
    if not source and family.catalogs[0].format is not Format.PO:
        what = f"no catalog of {family.name} is in the source's language: {wanted.source}"
        level = Level.NOTE
        mistake = Mistake("source", 0, f"{what}; placeholders are not compared", level=level)
        yield finding(family.catalogs[0].path, "", mistake)


# ---- which catalogs are compared


def source_keys(family: Family, language: str) -> dict[str, Format]:
    """The keys that the source of a family has, or where it has none any of its languages."""
    source = _source(family, language)
    said = _said(source) if source else _union(family)
    keys = {key: catalog.format for key, (_entry, catalog) in said.items()}
    for key, (entry, catalog) in said.items():
        if catalog.format is Format.JSON:  # i18next's plurals may be named one by one
            keys |= {f"{key}_{text.plural}": Format.JSON for text in entry.texts if text.plural}
    return keys


def _source(family: Family, language: str) -> tuple[Catalog, ...]:
    """The catalogs of the source: a template, what the format says, or of that language."""
    if told := tuple(one for one in family.catalogs if one.source):
        return told
    names = _languages(family)
    same = [name for name in names if normal(name) == normal(language)]
    first = normal(language).split("_")[0]
    near = [name for name in names if normal(name).split("_")[0] == first]
    base = [name for name in names if name == "Base"]
    chosen = same or sorted(near, key=lambda one: -sum(len(c.entries) for c in names[one])) or base
    return tuple(names[chosen[0]]) if chosen else ()


def _languages(family: Family) -> dict[str, list[Catalog]]:
    found: dict[str, list[Catalog]] = {}
    for catalog in family.catalogs:
        found.setdefault(catalog.language, []).append(catalog)
    return found


def _said(catalogs: Iterable[Catalog]) -> Said:
    """What a language says: of two files the plural's (Apple's ``.stringsdict``) wins."""
    said: Said = {}
    for catalog in sorted(catalogs, key=lambda one: one.format is Format.STRINGSDICT):
        for entry in catalog.entries:
            said[entry.key] = (entry, catalog)
    return said


def _union(family: Family) -> Said:
    """Without a source: whatever any language has."""
    return {key: one for catalog in family.catalogs for key, one in _said([catalog]).items()}


def _nearer(
    languages: dict[str, list[Catalog]], language: str, source: tuple[Catalog, ...]
) -> frozenset[str]:
    """Keys that another language says for this one: `pt` for `pt_BR`, all for `en_GB` of `en`."""
    found: set[str] = set()
    nearest = fallbacks(normal(language))
    for other, catalogs in languages.items():
        if normal(other) in nearest and other != language:
            found |= set(_said(catalogs))
    if source and normal(source[0].language) in nearest:
        found |= set(_said(source))
    return frozenset(found)


# ---- what one file shows


def _duplicates(catalog: Catalog) -> Iterator[Mistake]:
    if catalog.format in (Format.JSON, Format.ARB, Format.XCSTRINGS):
        return  # told by the reader of JSON, which sees every object
    first: dict[str, int] = {}
    for entry in catalog.entries:
        if entry.key in first:
            what = f"{shown(entry.key)} stands twice, first in line {first[entry.key]}"
            yield Mistake("duplicate", entry.line, what, entry.key)
        first.setdefault(entry.key, entry.line)


def _apart(languages: dict[str, list[Catalog]]) -> Iterator[Finding]:
    """Android reads all files of a directory as one: a key may stand in one of them only."""
    for language, catalogs in languages.items():
        where: dict[str, str] = {}
        for catalog in catalogs:
            for entry in {entry.key: entry for entry in catalog.entries}.values():
                if entry.key in where:
                    what = f"{shown(entry.key)} stands in {where[entry.key]} as well"
                    mistake = Mistake("duplicate", entry.line, what, entry.key)
                    yield finding(catalog.path, language, mistake)
                where.setdefault(entry.key, catalog.path)


def _forms(catalog: Catalog) -> Iterator[Mistake]:
    """gettext's header: it must be there for plurals, with as many forms as the language needs."""
    plural = next((one for one in catalog.entries if len(one.original) > 1), None)
    if plural is None or catalog.format is not Format.PO or catalog.source or not catalog.language:
        return
    if catalog.forms is None:
        if not any(one.subject == "Plural-Forms" for one in catalog.mistakes) and not plural.empty:
            what = "there are plurals, and the header has no Plural-Forms"
            yield Mistake("plural", plural.line, what, "Plural-Forms")
        return
    needed = len(categories(normal(catalog.language)))
    if catalog.forms.count < needed:
        # One form for a language with two is a custom of old (Turkish, Hungarian).
        level = Level.WARNING if catalog.forms.count > 2 or needed == 2 else Level.ERROR
        what = f"Plural-Forms has {catalog.forms.count} forms; {catalog.language} needs {needed}"
        yield Mistake("plural", catalog.forms.line, what, "Plural-Forms", level)


def _source_itself(source: tuple[Catalog, ...]) -> Iterator[Finding]:
    for catalog in source:
        for entry in catalog.entries:
            if entry.state is State.STALE:
                what = f"{shown(entry.key)} is no longer used by the code"
                mistake = Mistake("stale", entry.line, what, entry.key, Level.WARNING)
                yield finding(catalog.path, catalog.language, mistake)
            if catalog.format is Format.PO:
                continue
            pair = Pair(entry, catalog, entry.texts, entry.types, source=True)
            for mistake in pairs.mistakes(pair):
                yield finding(catalog.path, catalog.language, mistake)


# ---- one language against the source


def _missing(
    basis: Said,
    said: Said,
    catalogs: list[Catalog],
    elsewhere: frozenset[str],
    wanted: Wanted,
) -> Iterator[Finding]:
    """Keys of the source that a language has not, each where it would stand."""
    path, line, language = catalogs[0].path, 1, catalogs[0].language
    level = wanted.absent(language)
    for key, (entry, catalog) in basis.items():
        if key in said:
            line, path = said[key][0].line, said[key][1].path
        elif entry.wanted and entry.state is not State.STALE and key not in elsewhere:
            if not _speaks(entry.original or entry.texts):
                continue
            at = entry.line if catalog.format is Format.XCSTRINGS else line
            what = f"{language} lacks {shown(key)}"
            yield finding(path, language, Mistake("missing", at, what, key, level))


def _speaks(texts: Iterable[Text]) -> bool:
    """Whether there is a word in it: "%s: %s" needs no translation."""
    values = [placeholders.stripped(text.value) for text in texts]
    return any(character.isalpha() for value in values for character in value)


def _stale(basis: Said, said: Said) -> Iterator[Finding]:
    for key, (entry, catalog) in said.items():
        if key not in basis:
            what = f"{shown(key)} is in {catalog.language}, but no longer in the source"
            mistake = Mistake("stale", entry.line, what, key, Level.WARNING)
            yield finding(catalog.path, catalog.language, mistake)


def _translations(basis: Said, said: Said, own: bool, wanted: Wanted) -> Iterator[Finding]:
    for key, (entry, catalog) in said.items():
        pair = _pair(entry, catalog, basis.get(key))
        absent = [] if own else list(_unsaid(pair, basis.get(key), wanted))
        for mistake in absent or pairs.mistakes(pair):
            yield finding(catalog.path, catalog.language, mistake)


def _pair(entry: Entry, catalog: Catalog, source: tuple[Entry, Catalog] | None) -> Pair:
    if entry.original:
        return Pair(entry, catalog, entry.original)
    if source is None or {source[1].format, catalog.format} == {Format.STRINGS, Format.STRINGSDICT}:
        return Pair(entry, catalog)
    return Pair(entry, catalog, source[0].texts, source[0].types)


def _unsaid(pair: Pair, source: tuple[Entry, Catalog] | None, wanted: Wanted) -> Iterator[Mistake]:
    """A translation that is not there yet, or is not sure. Nothing else is asked of it."""
    entry, language = pair.entry, pair.catalog.language
    level = wanted.absent(language)
    if source and not source[0].wanted:
        return
    if entry.state is State.FUZZY:
        used = pair.catalog.format is Format.XCSTRINGS  # gettext leaves out what is fuzzy
        what = f"{shown(entry.key)} is marked as not sure in {language}"
        yield Mistake("fuzzy", entry.line, what, entry.key, Level.WARNING if used else level)
        return
    empty = [text for text in entry.texts if not text.value and _said_there(pair, text)]
    if not pair.originals and not entry.empty:
        return
    if (empty or not entry.texts or entry.state is State.NEW) and _speaks(pair.originals):
        what = f"{shown(entry.key)} is not translated to {language}"
        line = empty[0].line if empty else entry.line
        if empty and empty[0].plural and not entry.empty:
            level = Level.ERROR  # half of a plural: users see nothing at all for some numbers
        yield Mistake("untranslated", line, what, entry.key, level)


def _said_there(pair: Pair, text: Text) -> bool:
    """Whether the original says something where this text does not."""
    part = [one.value for one in pair.originals if one.part == text.part]
    return any(part) or not part


def _absent_languages(
    family: Family, languages: dict[str, list[Catalog]], wanted: Wanted
) -> Iterator[Finding]:
    have = {normal(one) for one in languages}
    have |= {normal(wanted.source)}
    for language in wanted.whole:
        if normal(language) not in have:
            what = f"there is no catalog in {language} for {family.name}"
            mistake = Mistake("missing", 0, what, family.name)
            yield finding(family.catalogs[0].path, language, mistake)
