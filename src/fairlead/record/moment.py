"""A time as a person writes it, as a stretch of seconds: pure, ``now`` and the zone are arguments."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

EXAMPLES = '2026-11-21T15:42, "2026-11-21 15:42:03", 2026-11-21, 15:42, "2 hours ago", yesterday'

_DAY = 86_400.0
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": _DAY, "week": 7 * _DAY}
_SHORT = {
    "s": "second",
    "sec": "second",
    "m": "minute",
    "min": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
}
_AGO = re.compile(r"([0-9]{1,6}) ?([a-z]+?)s? ago|([0-9]{1,4})([smhdw])")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TO_MINUTE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_TO_SECOND = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_EXACT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,6}(Z|[+-][0-9]{2}:[0-9]{2})?"
)


class Moment(NamedTuple):
    """From ``start`` (included) to ``end`` (excluded): ``15:42`` is a whole minute."""

    start: float
    end: float


def moment(text: str, now: float, zone: tzinfo) -> Moment | None:
    """What stretch of time ``text`` names; None when it names none.

    A time without an offset is in ``zone``. A clock time without a date is the latest
    that is not in the future: today's, or else yesterday's.
    """
    wanted = " ".join(text.split())
    try:
        return _ago(wanted.lower(), now) or _clock(wanted, now, zone) or _date(wanted, now, zone)
    except (ValueError, OverflowError):
        return None  # 25:00, 2026-02-31: of the right form, and no time


def _ago(text: str, now: float) -> Moment | None:
    if text == "now":
        return Moment(now, now + 1e-6)
    found = _AGO.fullmatch(text)
    if found is None:
        return None
    unit = found[2] or found[4]
    seconds = _UNITS.get(_SHORT.get(unit, unit))
    if seconds is None:
        return None
    start = now - int(found[1] or found[3]) * seconds
    return Moment(start, start + 1e-6)


def _clock(text: str, now: float, zone: tzinfo) -> Moment | None:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    today = datetime.fromtimestamp(now, zone)
    start = today.replace(
        hour=int(found[1]), minute=int(found[2]), second=int(found[3] or 0), microsecond=0
    )
    if start.timestamp() > now:
        start -= timedelta(days=1)
    return Moment(start.timestamp(), start.timestamp() + (1 if found[3] else 60))


def _date(text: str, now: float, zone: tzinfo) -> Moment | None:
    if text.lower() in ("today", "yesterday"):
        day = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return _days(day - timedelta(days=text.lower() == "yesterday"))
    if _DATE.fullmatch(text):
        return _days(datetime.fromisoformat(text).replace(tzinfo=zone))
    for form, seconds in ((_TO_MINUTE, 60.0), (_TO_SECOND, 1.0), (_EXACT, 1e-6)):
        if form.fullmatch(text):
            start = datetime.fromisoformat(text)
            start = start if start.tzinfo else start.replace(tzinfo=zone)
            return Moment(start.timestamp(), start.timestamp() + seconds)
    return None


def _days(start: datetime) -> Moment:
    """A whole day in its own zone, which has 23 or 25 hours when the clocks change."""
    return Moment(start.timestamp(), (start + timedelta(days=1)).timestamp())
