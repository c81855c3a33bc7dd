"""The river now: one line for each station, shared by the API, the page and the WebSocket."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from .freshness import UNKNOWN, freshness, status
from .memo import Memo
from .models import Observation, Station


@dataclass(frozen=True)
class Level:
    """A station and the newest level it gave, if any."""

    station: Station
    observation: Observation | None
    freshness: str

    @property
    def level_cm(self) -> float | None:
        """Centimetres, or ``None`` when this station never answered."""
        return self.observation.level_cm if self.observation else None

    @property
    def observed_at(self) -> datetime | None:
        """When the level was read."""
        return self.observation.observed_at if self.observation else None

    @property
    def temperature_c(self) -> float | None:
        """Of the water, or ``None`` when it was not read."""
        return self.observation.temperature_c if self.observation else None

    @property
    def stage(self) -> str:
        """``normal``, ``raised``, ``flood``; ``unknown`` without a level."""
        if self.observation is None:
            return UNKNOWN
        return self.station.stage(self.observation.level_cm)


@dataclass(frozen=True)
class River:
    """All stations, downstream, at one moment."""

    generated_at: datetime
    levels: tuple[Level, ...]

    @property
    def observed_at(self) -> datetime | None:
        """The newest observation of any station."""
        return max((each.observed_at for each in self.levels if each.observed_at), default=None)

    @property
    def freshness(self) -> str:
        """That of the newest observation."""
        return freshness(self.observed_at, self.generated_at, settings.OBSERVATION_FRESH_FOR)

    @property
    def status(self) -> str:
        """Whether every station that is in service has a fresh level."""
        return status(each.freshness for each in self.levels if each.station.in_service)


def read() -> River:
    """The river as the database has it now."""
    now = timezone.now()
    newest = Observation.objects.filter(station=OuterRef("pk")).order_by("-observed_at")
    stations = list(Station.objects.annotate(newest=Subquery(newest.values("pk")[:1])))
    found = Observation.objects.in_bulk([each.newest for each in stations if each.newest])
    return River(now, tuple(_level(each, found.get(each.newest), now) for each in stations))


def _level(station: Station, observation: Observation | None, now: datetime) -> Level:
    at = observation.observed_at if observation else None
    return Level(station, observation, freshness(at, now, settings.OBSERVATION_FRESH_FOR))


river = Memo(read, seconds=1.0)
