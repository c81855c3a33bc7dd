"""The time, as an argument."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where ``now`` comes from."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Block this thread for ``seconds``."""
        time.sleep(seconds)


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds; such texts sort as their times do."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day(seconds: float) -> str:
    """The day in UTC, as RFC 3339 writes it (``2026-11-21``); such texts sort as days do."""
    return stamp(seconds)[:10]


def seconds_of(text: str) -> float:
    """The inverse of ``stamp``. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
