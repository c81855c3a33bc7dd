"""The kinds of value a manifest holds. Each reads, shows and publishes itself.

A kind does three things: ``read`` takes what TOML gave and says every mistake in it; ``make``
turns what was read into the model's form; ``schema`` is the same rule as JSON Schema (2020-12).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from fairlead.base.globs import matches
from fairlead.manifest.commands import flaw
from fairlead.manifest.mistakes import key_text, kind_of, shown

Json = dict[str, Any]
Say = Callable[[str, str, bool], None]
"""Told of a mistake: its key, what is wrong, whether it is one of form."""

LARGEST = 1_000_000_000  # seconds or pieces; more is a slip of the hand
EXACT = 2**53 - 1  # the whole numbers that JSON carries exactly (RFC 8259, section 6)


class Wrong:
    """Stands where a value would be that could not be read."""


WRONG: Final = Wrong()


class Kind(Protocol):
    """What a field may hold."""

    @property
    def expected(self) -> str:
        """The words after "expected" in a message."""
        ...

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The value, or WRONG after saying why."""
        ...

    def make(self, value: Any) -> Any:
        """The value in the model's form."""
        ...

    def schema(self) -> Json:
        """The rule as JSON Schema."""
        ...

    def show(self, value: Any) -> str:
        """A value of the model's form as TOML, for the reference page."""
        ...


def differs(kind: Kind, raw: object, key: str, say: Say) -> Wrong:
    """Say that ``raw`` is not of this kind."""
    say(key, f"expected {kind.expected}, got {shown(raw)}", True)
    return WRONG


class Text(msgspec.Struct, frozen=True):
    """Text that matches a pattern, which is written so that ECMA-262 reads it alike."""

    expected: str
    pattern: str

    def fits(self, raw: object) -> bool:
        """Whether it is such a text."""
        return isinstance(raw, str) and re.fullmatch(self.pattern, raw) is not None

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The text, or WRONG."""
        return raw if self.fits(raw) else differs(self, raw, key, say)

    def make(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> Json:
        """A string with its pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}

    def show(self, value: Any) -> str:
        """Quoted; nothing for an empty text, which stands for none."""
        return f'"{value}"' if value else ""


class Command(Text, frozen=True):
    """A command line: words without a shell (``fairlead.manifest.commands``)."""

    expected: str = "a command"
    pattern: str = (
        r"(?=[\s\S]*\S)[^\x00-\x08\x0b-\x1f\x7f]+"  # tabs and new lines, no other control
    )

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The command, or WRONG; a shell's syntax is a mistake of meaning."""
        text = Text.read(self, raw, key, say)
        wanted = "" if isinstance(text, Wrong) else flaw(text)
        if not wanted:
            return text
        say(key, f"expected {wanted}, got {shown(raw)}", False)
        return WRONG


class Directory(Text, frozen=True):
    """A directory below the repository, with or without a slash at its end."""

    def make(self, value: Any) -> Any:
        """Without one."""
        return value.rstrip("/")


def readable(glob: str) -> bool:
    """Whether a glob can be matched at all."""
    try:
        matches(glob, "")
    except re.error:
        return False
    return True


class Glob(Text, frozen=True):
    """A glob as ``fairlead.base.globs`` reads it."""

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The glob, or WRONG; a set that names nothing ("[z-a]") is a mistake of meaning."""
        text = Text.read(self, raw, key, say)
        if isinstance(text, Wrong) or readable(text):
            return text
        say(key, f"expected a glob whose sets can be read, got {shown(raw)}", False)
        return WRONG


class OneOf(msgspec.Struct, frozen=True):
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def expected(self) -> str:
        """All the choices."""
        return "one of " + ", ".join(f'"{choice}"' for choice in self.choices)

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The word, or WRONG."""
        known = isinstance(raw, str) and raw in self.choices
        return raw if known else differs(self, raw, key, say)

    def make(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> Json:
        """An enumeration."""
        return {"enum": list(self.choices)}

    def show(self, value: Any) -> str:
        """Quoted."""
        return f'"{value}"'


class Whole(msgspec.Struct, frozen=True):
    """A whole number in a range. The top is said only where it is part of the meaning."""

    low: int
    high: int = LARGEST

    @property
    def expected(self) -> str:
        """The range in words."""
        top = f" to {self.high}" if self.high != LARGEST else ""
        return f"a whole number from {self.low}{top}"

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The number, or WRONG."""
        if isinstance(raw, bool) or not isinstance(raw, int) or raw < self.low:
            return differs(self, raw, key, say)
        if raw > self.high:
            say(key, f"expected at most {self.high}, got {shown(raw)}", True)
            return WRONG
        return raw

    def make(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> Json:
        """An integer with its ends."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def show(self, value: Any) -> str:
        """Digits."""
        return str(value)


class Flag(msgspec.Struct, frozen=True):
    """True or false."""

    expected: str = "true or false"

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The flag, or WRONG."""
        return raw if isinstance(raw, bool) else differs(self, raw, key, say)

    def make(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> Json:
        """A boolean."""
        return {"type": "boolean"}

    def show(self, value: Any) -> str:
        """As TOML writes it."""
        return str(value).lower()


class Duration(msgspec.Struct, frozen=True):
    """A stretch of time, in whole seconds: ``30s``, ``5m``, ``2h``, ``1d``, or a plain number."""

    low: int = 0

    @property
    def expected(self) -> str:
        """With an example of each form."""
        least = f" of at least {self.low}s" if self.low else ""
        return f'a time{least} ("30s", "5m", "2h", "1d", or whole seconds)'

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The seconds, or WRONG."""
        found = seconds(raw)
        if found is None or not self.low <= found <= LARGEST:
            return differs(self, raw, key, say)
        return found

    def make(self, value: Any) -> Any:
        """As it is: seconds."""
        return value

    def schema(self) -> Json:
        """A number, or digits and a unit."""
        zero = "" if self.low else "0[smhd]|"
        text = {"type": "string", "pattern": f"^(?:{zero}{_STRETCH})$"}
        number = {"type": "integer", "minimum": self.low, "maximum": LARGEST}
        return {"anyOf": [number, text]}

    def show(self, value: Any) -> str:
        """In the largest unit that keeps it whole."""
        return f'"{time_text(value)}"'


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STRETCH = "[1-9][0-9]{0,4}[smh]|[1-9][0-9]{0,3}d"  # as text, never past LARGEST


def seconds(raw: object) -> int | None:
    """The seconds that ``"5m"`` or ``300`` stand for; None for anything else."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if not isinstance(raw, str) or not re.fullmatch(f"0[smhd]|{_STRETCH}", raw):
        return None
    return int(raw[:-1]) * _UNITS[raw[-1]]


def time_text(value: int) -> str:
    """``300`` as ``5m``: the largest unit that keeps it whole."""
    fitting = (unit for unit in "dhms" if value and value % _UNITS[unit] == 0)
    unit = next(fitting, "s")
    return f"{value // _UNITS[unit]}{unit}"


class Size(msgspec.Struct, frozen=True):
    """So many bytes: ``200M``, ``1G`` (of 1,024 each, as systemd and the kernel count)."""

    expected: str = 'a size ("200M", "1G")'

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The bytes, or WRONG."""
        if not isinstance(raw, str) or not re.fullmatch(_AMOUNT, raw):
            return differs(self, raw, key, say)
        return int(raw[:-1]) * _POWERS[raw[-1]]

    def make(self, value: Any) -> Any:
        """As it is: bytes."""
        return value

    def schema(self) -> Json:
        """Digits and a unit."""
        return {"type": "string", "pattern": f"^(?:{_AMOUNT})$"}

    def show(self, value: Any) -> str:
        """In the largest unit that keeps it whole; nothing for none."""
        unit = "M" if value and value % _POWERS["G"] else "G"
        return f'"{value // _POWERS[unit]}{unit}"' if value else ""


_POWERS = {"M": 1024**2, "G": 1024**3}
_AMOUNT = "[1-9][0-9]{0,4}[MG]"


class Scalars(msgspec.Struct, frozen=True):
    """Text, a whole number or true/false: what an answer's JSON field is compared with."""

    expected: str = "text, a whole number or true/false"

    def fits(self, raw: object) -> bool:
        """Whether it is one of these."""
        return isinstance(raw, str) or (isinstance(raw, int) and abs(raw) <= EXACT)

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The value, or WRONG."""
        return raw if self.fits(raw) else differs(self, raw, key, say)

    def make(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> Json:
        """Three types."""
        whole = {"type": "integer", "minimum": -EXACT, "maximum": EXACT}
        return {"anyOf": [{"type": "string"}, whole, {"type": "boolean"}]}

    def show(self, value: Any) -> str:
        """As a message shows it."""
        return shown(value)


class Setting(Scalars, frozen=True):
    """A setting's value: what a process finds in its environment, so always text in the end.

    A message never shows it, because it may be a secret that was written here by mistake.
    """

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The value, or WRONG without showing it."""
        if self.fits(raw) and "\0" not in str(raw):
            return raw
        got = "text with a NUL in it" if isinstance(raw, str) else kind_of(raw)
        say(key, f"expected {self.expected}, got {got}", True)
        return WRONG

    def make(self, value: Any) -> Any:
        """As text; true and false in lower case, as TOML writes them."""
        return str(value).lower() if isinstance(value, bool) else str(value)

    def schema(self) -> Json:
        """Three types; the text without NUL, which no environment can hold."""
        whole = {"type": "integer", "minimum": -EXACT, "maximum": EXACT}
        text = {"type": "string", "pattern": r"^[^\x00]*$"}
        return {"anyOf": [text, whole, {"type": "boolean"}]}


class ListOf(msgspec.Struct, frozen=True):
    """A list without repetition. ``rising`` asks each number to be larger than the one before."""

    item: Kind
    noun: str
    least: int = 0
    rising: bool = False

    @property
    def expected(self) -> str:
        """What the list holds."""
        least = f", at least {self.least}" if self.least else ""
        order = ", each larger than the one before" if self.rising else ""
        return f"a list of {self.noun}{least}{order}"

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """The items, or WRONG after saying what is wrong with each."""
        if not isinstance(raw, list) or len(raw) < self.least:
            return differs(self, raw, key, say)
        items = [self.item.read(value, f"{key}[{n}]", say) for n, value in enumerate(raw)]
        if any(isinstance(item, Wrong) for item in items):
            return WRONG
        return items if self._in_order(items, key, say) else WRONG

    def _in_order(self, items: list[Any], key: str, say: Say) -> bool:
        if len(set(items)) < len(items):
            twice = next(item for n, item in enumerate(items) if item in items[:n])
            say(key, f"expected each only once, got {shown(twice)} twice", True)
            return False
        if self.rising and items != sorted(items):
            say(key, f"expected {self.expected}, got {items}", False)
            return False
        return True

    def make(self, value: Any) -> Any:
        """A tuple, in the manifest's order."""
        return tuple(self.item.make(item) for item in value)

    def schema(self) -> Json:
        """An array."""
        found: Json = {"type": "array", "items": self.item.schema(), "uniqueItems": True}
        return found | ({"minItems": self.least} if self.least else {})

    def show(self, value: Any) -> str:
        """As TOML writes it."""
        return "[" + ", ".join(self.item.show(item) for item in value) + "]"


class Pairs(msgspec.Struct, frozen=True):
    """A table whose keys the app chooses."""

    names: Text
    value: Kind
    noun: str
    refused: str = ""  # a prefix that is kept for Fairlead

    @property
    def expected(self) -> str:
        """What the table holds."""
        return f"a table of {self.noun}"

    def read(self, raw: Any, key: str, say: Say) -> Any:
        """Name to value, or WRONG."""
        if not isinstance(raw, Mapping):
            return differs(self, raw, key, say)
        return {name: self._one(name, value, key, say) for name, value in raw.items()}

    def _one(self, name: str, value: Any, key: str, say: Say) -> Any:
        below = key_text(key, name)
        if self.refused and name.startswith(self.refused):
            say(
                below,
                f"expected a name that does not start with {self.refused} (Fairlead's own)",
                True,
            )
        elif not self.names.fits(name):
            say(below, f"expected {self.names.expected}, got {shown(name)}", True)
        return self.value.read(value, below, say)

    def make(self, value: Any) -> Any:
        """Pairs, sorted by name, so that the order in the file does not matter."""
        return tuple(sorted((name, self.value.make(item)) for name, item in value.items()))

    def schema(self) -> Json:
        """An object with patterned names."""
        ban = f"(?!{self.refused})" if self.refused else ""
        pattern = f"^{ban}(?:{self.names.pattern})$"
        return {
            "type": "object",
            "patternProperties": {pattern: self.value.schema()},
            "additionalProperties": False,
        }

    def show(self, value: Any) -> str:
        """Only ever shown empty."""
        return "" if not value else str(value)
