"""What a catalog is, whatever its format: entries, each with the texts of one language."""

from enum import StrEnum

import msgspec

from fairlead.checks.model import Level

PLURALS = ("zero", "one", "two", "few", "many", "other")
"""The plural categories of CLDR (UTS 35, part 3, 5.1)."""


class Format(StrEnum):
    """What a file is written in; it decides who reads it and how a placeholder looks."""

    PO = "gettext"
    STRINGS = "Apple strings"
    STRINGSDICT = "Apple stringsdict"
    XCSTRINGS = "Apple string catalog"
    ANDROID = "Android resources"
    JSON = "JSON"
    ARB = "ARB"


class State(StrEnum):
    """How far a translation is. ``STALE``: its tool no longer finds the text in the code."""

    DONE = "done"
    NEW = "new"
    FUZZY = "fuzzy"
    STALE = "stale"


class Syntax(StrEnum):
    """How a text names what is put into it. ``GUESSED`` looks for names that are no prose."""

    NONE = "none"
    APPLE = "apple"
    C = "c"
    JAVA = "java"
    PYTHON = "python"
    BRACE = "brace"
    RUBY = "ruby"
    QT = "qt"
    GUESSED = "guessed"
    JSON = "json"
    ICU = "icu"


class Text(msgspec.Struct, frozen=True):
    """One text. ``line`` counts from 1. ``plural`` is its category, or in gettext its number.

    ``part`` says which of an entry's texts it is: a device, an item of an array, a variable.
    """

    value: str
    line: int
    part: str = ""
    plural: str = ""


class Entry(msgspec.Struct, frozen=True):
    """What a catalog says for one key.

    ``original`` are the source's texts where the file itself holds them (gettext's msgid).
    ``wanted`` is false for what is not to be translated. ``ordinal``: its plurals count places
    (1st, 2nd). ``types`` are (variable, type) pairs that the file declares.
    """

    key: str
    line: int
    texts: tuple[Text, ...]
    original: tuple[Text, ...] = ()
    syntax: Syntax = Syntax.NONE
    state: State = State.DONE
    wanted: bool = True
    ordinal: bool = False
    types: tuple[tuple[str, str], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not any(text.value for text in self.texts)


class Forms(msgspec.Struct, frozen=True):
    """gettext's Plural-Forms: how many, and for each number from 0 to 1000 which (-1: none)."""

    count: int
    line: int
    chosen: tuple[int, ...]


class Mistake(msgspec.Struct, frozen=True):
    """What one file shows to be wrong by itself. ``rule`` is without ``localization.``."""

    rule: str
    line: int
    message: str
    subject: str = ""
    level: Level = Level.ERROR


class Catalog(msgspec.Struct, frozen=True):
    """One language's texts of one file. ``language`` is "" in a template (``.pot``).

    ``entries`` come in the file's order and may hold a key twice. ``forms`` is set for gettext.
    ``source``: the file itself says that this is what the others are compared with.
    """

    path: str
    format: Format
    language: str
    entries: tuple[Entry, ...]
    forms: Forms | None = None
    mistakes: tuple[Mistake, ...] = ()
    source: bool = False


class Place(msgspec.Struct, frozen=True):
    """Where a catalog lies. ``family`` names the catalogs that belong together: the path with
    ``{}`` for the language. ``language`` is "" where the path says none, as in ``values/``."""

    path: str
    format: Format
    language: str
    family: str


class Family(msgspec.Struct, frozen=True):
    """Catalogs of one thing in all its languages; a language may have several."""

    name: str
    catalogs: tuple[Catalog, ...]


class Broken(Exception):
    """The file is not of its format: what and where. Never shown as it is; becomes a finding."""

    def __init__(self, line: int, what: str, rule: str = "syntax") -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.rule = rule


class Unread(Exception):
    """The file may be right, but it is not of what is read here: not known, with the reason."""
