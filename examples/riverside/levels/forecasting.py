"""Making forecasts: the worker stores them; the site makes its own when none is at hand."""

from datetime import datetime, timedelta

from django.conf import settings

from . import gauge
from .freshness import FRESH, freshness
from .models import Forecast, Station
from .trend import forecast

HOURS_AHEAD = 24

STORED, ON_DEMAND = "stored", "on_demand"


def store(station: Station, now: datetime) -> Forecast | None:
    """Make a station's forecast from its stored observations and keep it.

    ``None`` when there is nothing recent to make one from.
    """
    since = now - timedelta(hours=3)
    levels = list(
        station.observations.filter(observed_at__gte=since).values_list("observed_at", "level_cm")
    )
    if not levels:
        return None
    made = make(station, levels, now)
    Forecast.objects.update_or_create(
        station=station,
        defaults={
            "generated_at": made.generated_at,
            "observed_at": made.observed_at,
            "points": made.points,
        },
    )
    return made


def at_hand(station: Station, now: datetime) -> tuple[Forecast | None, str]:
    """The forecast to show, and where it is from.

    The stored one while it is fresh. Otherwise (a first start; a worker that is late) one made
    now, straight from what the gauge remembers. ``None`` when the gauge does not answer either.
    """
    stored = Forecast.objects.filter(station=station).first()
    if stored and freshness(stored.generated_at, now, settings.FORECAST_FRESH_FOR) == FRESH:
        return stored, STORED
    levels = list(gauge.memory(station, now))
    level = gauge.read(station, now)
    if level is None:
        return stored, STORED
    return make(station, [*levels, (now.replace(microsecond=0), level)], now), ON_DEMAND


def make(station: Station, levels: list[tuple[datetime, float]], now: datetime) -> Forecast:
    """A forecast, not stored, from observations oldest first (at least one)."""
    newest_at = levels[-1][0]
    hours = [((at - newest_at).total_seconds() / 3600, level) for at, level in levels]
    points = [
        {
            "at": (newest_at + timedelta(hours=point.hours)).isoformat(),
            "level_cm": point.level_cm,
            "low_cm": point.low_cm,
            "high_cm": point.high_cm,
            "stage": station.stage(point.level_cm),
        }
        for point in forecast(hours, HOURS_AHEAD)
    ]
    return Forecast(station=station, generated_at=now, observed_at=newest_at, points=points)
