"""Which files are catalogs, of which language, and which belong together: each format's custom.

See docs/design/localization.md for the list.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from msgspec.structs import replace

from fairlead.localization.languages import is_language
from fairlead.localization.model import Format, Place

_MARKERS = frozenset(
    {"_locales", "i18n", "l10n", "lang", "langs", "languages", "locale", "locales"}
    | {"messages", "translation", "translations"}
)  # what a directory of JSON catalogs is called
_SKIPPED = frozenset({".git", ".venv", "venv", "node_modules", "Pods", "Carthage"})
_SUFFIX = re.compile(
    r"(?P<stem>.+?)(?P<joint>[-._])(?P<language>[A-Za-z]{2,3}(?:[-_@][A-Za-z0-9]{2,8})*)"
)
# Android's qualifiers: mobile codes come before the language, everything else after.
_QUALIFIED = re.compile(
    r"values-(?:mcc\d+-)?(?:mnc\d+-)?(?P<language>b\+[A-Za-z0-9+]+|(?!car\b)[a-z]{2,3}(?:-r[A-Z]{2}|-r\d{3})?)"
)


def candidates(paths: Iterable[str], named: bool) -> tuple[Place, ...]:
    """The places of catalogs among the paths of a tree. ``named``: somebody has said that these
    are catalogs, so that JSON counts wherever it lies."""
    found = [place for path in sorted(paths) for place in _placed(path, named)]
    return tuple(_with_templates(found))


def _placed(path: str, named: bool) -> Iterator[Place]:
    pure = PurePosixPath(path)
    if not named and _SKIPPED & set(pure.parts):
        return
    finder = _FINDERS.get(pure.suffix)
    if finder and (place := finder(pure, named)):
        yield place


def _gettext(path: PurePosixPath, _named: bool) -> Place | None:
    if path.suffix == ".pot":
        return Place(str(path), Format.PO, "", str(path))
    parts = path.parts
    category = next((n for n, part in enumerate(parts) if part.startswith("LC_") and n), 0)
    if category:
        return _at(path, Format.PO, category - 1)
    return _any(path, Format.PO, first="stem")


def _apple(path: PurePosixPath, _named: bool) -> Place | None:
    kind = Format.STRINGS if path.suffix == ".strings" else Format.STRINGSDICT
    for number, part in enumerate(path.parts[:-1]):
        if part.endswith(".lproj"):
            place = _at(path, kind, number, part.removesuffix(".lproj"))
            return replace(place, family=str(PurePosixPath(place.family).with_suffix("")))
    return None


def _xcstrings(path: PurePosixPath, _named: bool) -> Place:
    return Place(str(path), Format.XCSTRINGS, "", str(path))


def _android(path: PurePosixPath, _named: bool) -> Place | None:
    folder = path.parent.name
    family = str(path.parent.parent / "values{}")
    if folder == "values":
        return Place(str(path), Format.ANDROID, "", family)
    found = _QUALIFIED.fullmatch(folder)
    if not found:
        return None
    language = found["language"].removeprefix("b+").replace("+", "-").replace("-r", "-")
    return Place(str(path), Format.ANDROID, language, family)


def _arb(path: PurePosixPath, _named: bool) -> Place | None:
    found = _any(path, Format.ARB, first="stem")
    return found or Place(str(path), Format.ARB, "", str(path))


def _json(path: PurePosixPath, named: bool) -> Place | None:
    folders = path.parts[:-1]
    marked = [number for number, part in enumerate(folders) if part in _MARKERS]
    if marked:
        for number in range(marked[-1] + 1, len(folders)):
            if is_language(folders[number]):
                return _at(path, Format.JSON, number)
        if marked[-1] and not _in_stem(path) and is_language(folders[marked[-1] - 1]):
            return _at(path, Format.JSON, marked[-1] - 1)
    return _any(path, Format.JSON, first="folder" if named else "stem") if marked or named else None


def _any(path: PurePosixPath, kind: Format, first: str) -> Place | None:
    """A place whose language is the file's name, the end of it, or a directory's name."""
    finders = [_in_folder, _in_stem]
    for finder in finders if first == "folder" else reversed(finders):
        if found := finder(path):
            language, family = found
            return Place(str(path), kind, language, family)
    return None


def _in_stem(path: PurePosixPath) -> tuple[str, str] | None:
    if is_language(path.stem):
        return path.stem, str(path.with_name("{}" + path.suffix))
    found = _SUFFIX.fullmatch(path.stem)
    while found and not is_language(found["language"]):
        found = None
    if not found:
        return None
    return found["language"], str(
        path.with_name(f"{found['stem']}{found['joint']}{{}}{path.suffix}")
    )


def _in_folder(path: PurePosixPath) -> tuple[str, str] | None:
    for number in reversed(range(len(path.parts) - 1)):
        if is_language(path.parts[number]):
            place = _at(path, Format.JSON, number)
            return place.language, place.family
    return None


def _at(path: PurePosixPath, kind: Format, number: int, language: str = "") -> Place:
    """A place whose language is (in) the path's piece of that number."""
    parts = list(path.parts)
    language = language or parts[number]
    parts[number] = parts[number].replace(language, "{}", 1)
    return Place(str(path), kind, language, str(PurePosixPath(*parts)))


def _with_templates(places: list[Place]) -> Iterator[Place]:
    """The same places; a template (``.pot``) is in each family that is made from it."""
    templates = [place for place in places if place.path.endswith(".pot")]
    others = [place for place in places if not place.path.endswith(".pot")]
    taken: set[str] = set()
    for family in sorted({place.family for place in others if place.format is Format.PO}):
        if found := _template(family, templates):
            taken.add(found.path)
            yield replace(found, family=family)
    yield from (place for place in templates if place.path not in taken)
    yield from others


def _template(family: str, templates: list[Place]) -> Place | None:
    """The template of a family: of its domain's name and nearest to it; in a directory of
    ``{}.po``, the only one there."""
    name = PurePosixPath(family)
    prefix = family.split("{}", maxsplit=1)[0].rstrip("/")
    domain = re.sub(r"[-._]?\{\}[-._]?", "", name.stem)
    near = [one for one in templates if _near(PurePosixPath(one.path).parent, prefix)]
    same = [one for one in near if not domain or PurePosixPath(one.path).stem == domain]
    if not domain and len(same) > 1:
        return None
    return max(
        same, key=lambda one: (len(PurePosixPath(one.path).parent.parts), one.path), default=None
    )


def _near(folder: PurePosixPath, prefix: str) -> bool:
    """Whether templates of a directory are for catalogs below ``prefix``: it is that directory,
    above it, or directly in it."""
    below = PurePosixPath(prefix)
    return folder == below or folder in below.parents or folder.parent == below


_FINDERS = {
    ".po": _gettext,
    ".pot": _gettext,
    ".strings": _apple,
    ".stringsdict": _apple,
    ".xcstrings": _xcstrings,
    ".xml": _android,
    ".arb": _arb,
    ".json": _json,
}


def unplaced(paths: Iterable[str], places: Iterable[Place]) -> tuple[str, ...]:
    """Files that somebody has said are catalogs, and whose path tells no language. XML is not
    meant: Android keeps other things beside its texts."""
    placed = {place.path for place in places}
    return tuple(
        path
        for path in paths
        if path not in placed and PurePosixPath(path).suffix in set(_FINDERS) - {".xml"}
    )
