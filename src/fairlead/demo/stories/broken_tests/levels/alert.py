"""Which stations to warn about."""

from collections.abc import Iterable

from .models import Station


def over_the_bank(levels: Iterable[tuple[Station, float]]) -> list[str]:
    """The names of the stations whose level reached their flood mark."""
    return [station.name for station, level_cm in levels if level_cm > station.flood_cm]
