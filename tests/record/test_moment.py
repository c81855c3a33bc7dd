"""Times as people write them."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.record.moment import moment
from record.worlds import NOON


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "start", "seconds"),
    [
        ("2026-11-21T15:42", "2026-11-21T15:42", 60),
        ("2026-11-21 15:42", "2026-11-21T15:42", 60),
        ("2026-11-21T15:42:03", "2026-11-21T15:42:03", 1),
        ("2026-11-21T15:42:03Z", "2026-11-21T15:42:03", 1),
        ("2026-11-21T15:42+02:00", "2026-11-21T13:42", 60),
        ("2026-11-21T15:42:03.250000Z", "2026-11-21T15:42:03.250", 1e-6),
        ("2026-11-21", "2026-11-21", 86_400),
        ("today", "2026-11-21", 86_400),
        ("Yesterday", "2026-11-20", 86_400),
        ("11:42", "2026-11-21T11:42", 60),
        ("15:42", "2026-11-20T15:42", 60),
        ("9:05:07", "2026-11-21T09:05:07", 1),
        ("2 hours ago", "2026-11-21T10:00", 1e-6),
        ("1 day ago", "2026-11-20T12:00", 1e-6),
        ("30 min ago", "2026-11-21T11:30", 1e-6),
        ("90s ago", "2026-11-21T11:58:30", 1e-6),
        ("2h", "2026-11-21T10:00", 1e-6),
        ("now", "2026-11-21T12:00", 1e-6),
    ],
)
def test_forms(text: str, start: str, seconds: float) -> None:
    """At noon UTC; a clock time still to come means yesterday's."""
    found = moment(text, NOON, UTC)
    assert found is not None
    assert found.start == pytest.approx(utc(start))
    assert found.end - found.start == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    ["", "7", "r7", "riverside/7", "25:00", "2026-02-31", "12:60", "two hours ago", "2 parsecs ago",
     "1a2b3c4", "123456d", "pid:4711", "2026-11-21T", "999999 weeks ago ago", "９:05"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    """None, so that it can be something else."""
    assert moment(text, NOON, UTC) is None


def test_the_zone_is_where_a_time_is_read() -> None:
    """15:42 in Moscow is 12:42 in UTC; with an offset the zone does not matter."""
    zone = timezone(timedelta(hours=3))
    found = moment("2026-11-21T15:42", NOON, zone)
    assert found
    assert found.start == utc("2026-11-21T12:42")
    found = moment("2026-11-21T15:42Z", NOON, zone)
    assert found
    assert found.start == utc("2026-11-21T15:42")


def test_a_day_may_have_25_hours() -> None:
    """The day the clocks go back, where they do."""
    found = moment("2026-10-25", NOON, ZoneInfo("Europe/Berlin"))
    assert found
    assert found.end - found.start == 25 * 3600


@given(st.text(max_size=30), st.floats(0, 4e9))
def test_it_never_fails(text: str, now: float) -> None:
    """Any text is a stretch that begins before it ends, or none."""
    found = moment(text, now, UTC)
    assert found is None or found.start < found.end
