"""Whether every value of one column type fits another, and reads the same.

Types as format_type() writes them (postgresql.org/docs/current/datatype.html).
"""

import re
from enum import StrEnum

_TYPE = re.compile(r"(?P<base>[^(]+?)(?:\((?P<sizes>[\d, -]+)\))?(?P<rest>[^()]*)")
_INTEGERS = ("smallint", "integer", "bigint")
_FLOATS = ("real", "double precision")
_TEXTS = ("character varying", "text")
# Beyond what the same base with another size means.
_WIDER = {("cidr", "inet")}
_SIZED = ("character varying", "bit varying", "numeric")


class Fit(StrEnum):
    """How a column's new type takes the old one's values."""

    SAME = "same"
    WIDER = "wider"
    NARROWER = "narrower"
    OTHER = "other"


def fit(old: str, new: str) -> Fit:
    """How ``new`` takes what ``old`` held. What is not known to be wider is narrower or other."""
    if old == new:
        return Fit.SAME
    (was, was_sizes), (now, now_sizes) = _parse(old), _parse(new)
    for ladder in (_INTEGERS, _FLOATS):
        if was in ladder and now in ladder:
            return Fit.WIDER if ladder.index(now) > ladder.index(was) else Fit.NARROWER
    if was in _TEXTS and now in _TEXTS:
        return _text(was_sizes, now_sizes)
    if was == now:
        return _sizes(was, was_sizes, now_sizes)
    return Fit.WIDER if (was, now) in _WIDER else Fit.OTHER


def _parse(name: str) -> tuple[str, tuple[int, ...]]:
    found = _TYPE.fullmatch(name)
    if found is None:
        return name, ()
    sizes = tuple(int(part) for part in (found["sizes"] or "").split(",") if part.strip())
    return f"{found['base']}{found['rest']}", sizes


def _text(was: tuple[int, ...], now: tuple[int, ...]) -> Fit:
    if not now:
        return Fit.WIDER
    return Fit.WIDER if was and was[0] <= now[0] else Fit.NARROWER


def _sizes(base: str, was: tuple[int, ...], now: tuple[int, ...]) -> Fit:
    if not now and base in _SIZED:
        return Fit.WIDER
    if not was and base in _SIZED:
        return Fit.NARROWER
    if base == "numeric":
        return Fit.WIDER if _digits(now) >= _digits(was) and _wider(was, now) else Fit.NARROWER
    if base.startswith(("timestamp", "time")):  # without a size they hold microseconds
        return Fit.WIDER if (now or (6,)) >= (was or (6,)) else Fit.NARROWER
    if base == "bit varying" and now >= was:
        return Fit.WIDER
    return Fit.OTHER if now > was else Fit.NARROWER


def _digits(sizes: tuple[int, ...]) -> int:
    return sizes[0] - _scale(sizes)


def _wider(was: tuple[int, ...], now: tuple[int, ...]) -> bool:
    return _scale(now) >= _scale(was)


def _scale(sizes: tuple[int, ...]) -> int:
    return sizes[1] if len(sizes) > 1 else 0
