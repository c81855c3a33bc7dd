"""The gauges: what stands at a station and can be asked for a level.

This one file stands for the outside world. A real Riverside would speak to data loggers here;
like those, ours remember the last day and can be asked for it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from . import river
from .models import Station

MARK = timedelta(minutes=10)  # a logger keeps one reading per mark
MEMORY = timedelta(hours=24)


def read(station: Station, at: datetime) -> float | None:
    """The level in cm at ``at``; ``None`` when this gauge does not answer."""
    if not station.in_service:
        return None
    return river.level_cm(at.timestamp(), station.river_km, station.normal_cm)


def read_temperature(station: Station, at: datetime) -> float | None:
    """The water's temperature in °C at ``at``; a logger does not remember it."""
    if not station.in_service:
        return None
    return river.temperature_c(at.timestamp(), station.river_km)


def memory(station: Station, until: datetime) -> Iterator[tuple[datetime, float]]:
    """What the logger remembers up to ``until``, oldest first: one reading per mark."""
    at = last_mark(until - MEMORY) + MARK
    while at <= until:
        level = read(station, at)
        if level is not None:
            yield at, level
        at += MARK


def last_mark(at: datetime) -> datetime:
    """The newest ten-minute mark at or before ``at``."""
    return at - timedelta(minutes=at.minute % 10, seconds=at.second, microseconds=at.microsecond)
