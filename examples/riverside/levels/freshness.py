"""How old is too old. An answer never calls a thing fresh whose age it does not know."""

from collections.abc import Iterable
from datetime import datetime

FRESH, STALE, UNKNOWN = "fresh", "stale", "unknown"
OK, DEGRADED = "ok", "degraded"


def freshness(at: datetime | None, now: datetime, limit: float) -> str:
    """``fresh`` up to ``limit`` seconds old, ``stale`` beyond, ``unknown`` without a time."""
    if at is None:
        return UNKNOWN
    return FRESH if (now - at).total_seconds() <= limit else STALE


def status(parts: Iterable[str]) -> str:
    """``ok`` when every part is fresh, ``unknown`` when no part has an age, else ``degraded``."""
    seen = set(parts)
    if not seen or seen == {UNKNOWN}:
        return UNKNOWN
    return OK if seen == {FRESH} else DEGRADED
