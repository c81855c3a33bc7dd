"""Languages: how their names are written, which speaks for which, which plurals each needs.

Plural categories are CLDR's, by babel (UTS 35, part 3, 5; docs/decisions/0018-babel.md).
"""

import re
from functools import lru_cache

from babel import Locale, UnknownLocaleError

_NAME = re.compile(r"([A-Za-z]{2,3})(?:[-_+@.][A-Za-z0-9]{2,8})*")
_MODIFIERS = {"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva", "valencia": "valencia"}
# Codes that ISO 639 has withdrawn, and Android and Java still write (java.util.Locale).
_WITHDRAWN = {"iw": "he", "in": "id", "ji": "yi", "tl": "fil", "no": "nb"}
_SCRIPT = 4
NUMBERS = range(1001)
RARE = 5
"""A form for at most so many numbers up to 1000 is for those numbers alone ("one", "two")."""


@lru_cache(maxsize=1024)
def normal(name: str) -> str:
    """A language's name in one spelling: pt_BR for pt-br, sr_Latn for sr@latin and b+sr+Latn."""
    pieces = re.split(r"[-_+@.]", name.removeprefix("b+"))
    language = _WITHDRAWN.get(pieces[0].lower(), pieces[0].lower())
    return "_".join([language, *(_piece(piece) for piece in pieces[1:] if piece)])


def _piece(piece: str) -> str:
    if piece.lower() in _MODIFIERS:
        return _MODIFIERS[piece.lower()]
    if len(piece) == _SCRIPT and piece.isalpha():
        return piece.title()
    return piece.upper()


def fallbacks(language: str) -> tuple[str, ...]:
    """Languages that speak where this one says nothing, the nearest first: pt_BR → pt."""
    pieces = language.split("_")
    return tuple("_".join(pieces[:end]) for end in range(len(pieces) - 1, 0, -1))


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(Locale("en").languages) | frozenset(_WITHDRAWN)


def is_language(name: str) -> bool:
    """Whether a piece of a path names a language that CLDR knows."""
    found = _NAME.fullmatch(name)
    return found is not None and found[1].lower() in _known() and name[2:3] != "."


@lru_cache(maxsize=512)
def _locale(language: str) -> Locale | None:
    for name in (language, *fallbacks(language)):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return None


@lru_cache(maxsize=512)
def categories(language: str, *, ordinal: bool = False) -> dict[str, frozenset[int]]:
    """The plural categories that whole numbers have, each with its numbers up to 1000; empty for
    a language whose rules CLDR does not have.

    What fractions or millions alone have (`many` in Czech, in French) is not needed.
    """
    locale = _locale(normal(language))
    if locale is None:
        return {}
    rule = locale.ordinal_form if ordinal else locale.plural_form
    numbers: dict[str, set[int]] = {}
    for number in NUMBERS:
        numbers.setdefault(rule(number), set()).add(number)
    return {category: frozenset(of) for category, of in numbers.items()}
