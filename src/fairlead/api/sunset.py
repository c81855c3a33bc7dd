"""When a deprecated part of an API goes: `x-sunset`, and how stable a part is said to be.

As oasdiff reads them: a date or a time by RFC 3339; the levels are draft, alpha, beta, stable.
"""

import datetime as dt
from typing import Any

import msgspec

_LEVELS = ("draft", "alpha", "beta", "stable")
UNSETTLED = ("draft", "alpha")
"""Levels of which nothing is promised."""


class Sunset(msgspec.Struct, frozen=True):
    """The day a part goes; ``broken`` where one is said that is no date."""

    day: dt.date | None = None
    broken: bool = False

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Sunset":
        """What an object says of its own end."""
        if "x-sunset" not in raw:
            return cls()
        try:
            return cls(dt.datetime.fromisoformat(str(raw["x-sunset"])).date())
        except ValueError:
            return cls(broken=True)

    @property
    def said(self) -> bool:
        """Whether there is one at all."""
        return self.broken or self.day is not None


def stability(raw: dict[str, Any]) -> str:
    """The level of a part ("" where none is said, "?" for one that is none)."""
    level = raw.get("x-stability-level", "")
    return level if level in ("", *_LEVELS) else "?"


def is_lower(was: Any, now: Any) -> bool:
    """Whether a part is less stable than it was."""
    known = [level if level in _LEVELS else "stable" for level in (was, now)]
    return _LEVELS.index(known[1]) < _LEVELS.index(known[0])
