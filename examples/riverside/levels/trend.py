"""The forecast itself: the trend of the last hours, damped, with a band that widens.

Pure: levels in, levels out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

WINDOW_HOURS = 3.0  # the trend is that of this long
DAMPING_HOURS = 5.0  # a rise or fall loses 63 % of its speed in this time
BAND_CM = 3.0  # either side after one hour; grows with the square root of time
BAND_SHARE = 0.4  # and with this share of the change foretold


@dataclass(frozen=True)
class Point:
    """A level to come, ``hours`` from the newest observation."""

    hours: float
    level_cm: float
    low_cm: float
    high_cm: float


def slope(levels: Sequence[tuple[float, float]]) -> float:
    """Centimetres an hour, by least squares over ``(hours, cm)``; 0 for fewer than two times."""
    count = len(levels)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in levels) / count
    mean_y = sum(y for _, y in levels) / count
    spread = sum((x - mean_x) ** 2 for x, _ in levels)
    if not spread:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in levels) / spread


def forecast(levels: Sequence[tuple[float, float]], hours: int) -> list[Point]:
    """One point for each of the next ``hours`` hours, from ``(hours, cm)`` oldest first."""
    if not levels:
        return []
    newest_at, newest = levels[-1]
    speed = slope([each for each in levels if each[0] >= newest_at - WINDOW_HOURS])
    return [_point(newest, speed, float(hour)) for hour in range(1, hours + 1)]


def _point(newest: float, speed: float, hours: float) -> Point:
    change = speed * DAMPING_HOURS * (1 - exp(-hours / DAMPING_HOURS))
    level = max(0.0, newest + change)
    band = BAND_CM * sqrt(hours) + BAND_SHARE * abs(change)
    return Point(hours, round(level, 1), round(max(0.0, level - band), 1), round(level + band, 1))
