"""A file that may be a catalog, to the catalogs it holds; and catalogs to their families."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from fairlead.localization import (
    android,
    gettext,
    json_catalog,
    strings,
    stringsdict,
    xcstrings,
)
from fairlead.localization.model import Catalog, Family, Format, Place


def catalogs(place: Place, data: bytes, source: str) -> tuple[Catalog, ...]:
    """What the file at a place holds; nothing for one that is no catalog after all. ``source``
    is the language of a file whose path says none, as in Android's ``values/``.

    Raises Broken where it is not of its format, Unread where it may be and is not read here.
    """
    if place.format is Format.XCSTRINGS:
        return xcstrings.read(place.path, data)
    found = _ONE[place.format](place.path, place.language, data)
    if found is None:
        return ()
    template = found.format is Format.PO and found.source
    return (found if found.language or template else replace(found, language=source),)


_ONE = {
    Format.PO: gettext.read,
    Format.STRINGS: strings.read,
    Format.STRINGSDICT: stringsdict.read,
    Format.ANDROID: android.read,
    Format.JSON: json_catalog.read,
    Format.ARB: json_catalog.read_arb,
}


def families(read: Iterable[tuple[Place, tuple[Catalog, ...]]]) -> tuple[Family, ...]:
    """Catalogs by what they are translations of."""
    found: dict[str, list[Catalog]] = {}
    for place, held in read:
        found.setdefault(place.family, []).extend(held)
    return tuple(_joined(found))


def _joined(found: dict[str, list[Catalog]]) -> Iterator[Family]:
    for name, held in sorted(found.items()):
        if held:
            json = held[0].format is Format.JSON
            yield Family(name, json_catalog.grouped(held) if json else tuple(held))
