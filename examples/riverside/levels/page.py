"""The page: the river from its source to the sea, a day behind and a day ahead."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext, gettext_noop

from . import current, forecasting
from .chart import Chart, draw
from .memo import Memo
from .models import Observation, Station

CHARTS_FOR = 20  # seconds; a line of 48 hours looks the same for longer
RIVER_KM = 176.0  # from the source to the sea

STAGES = {
    "normal": gettext_noop("normal"),
    "raised": gettext_noop("raised"),
    "flood": gettext_noop("flood"),
    "unknown": gettext_noop("no answer"),
}


@dataclass(frozen=True)
class Drawn:
    """What of a station is drawn once and shown for a while."""

    chart: Chart | None
    change_cm: float | None  # over the last hour


@dataclass(frozen=True)
class Card:
    """A station as the page shows it."""

    level: current.Level
    drawn: Drawn

    @property
    def stage_name(self) -> str:
        """The stage in the reader's language."""
        return gettext(STAGES[self.level.stage])

    @property
    def direction(self) -> str:
        """``rising``, ``falling`` or ``steady``."""
        change = self.drawn.change_cm or 0.0
        if abs(change) < 1:
            return "steady"
        return "rising" if change > 0 else "falling"

    @property
    def along(self) -> str:
        """How far down the river, in percent, as CSS wants it in any language."""
        return f"{self.level.station.river_km / RIVER_KM * 100:.2f}"


async def river(request: HttpRequest) -> HttpResponse:
    """The page, in the reader's language."""
    return HttpResponse(await html.get(translation.get_language()))


def _html(language: str) -> str:
    now = current.read()
    drawn = cache.get_or_set("charts", _charts, CHARTS_FOR)
    nothing = Drawn(None, None)
    context = {
        "river": now,
        "cards": [Card(each, drawn.get(each.station.slug, nothing)) for each in now.levels],
        "languages": settings.LANGUAGES,
        "language": language,
        "release": settings.RELEASE,
        "commit": settings.COMMIT[:10],
    }
    with translation.override(language):
        return render_to_string("levels/river.html", context)


def _charts() -> dict[str, Drawn]:
    now = timezone.now()
    behind: dict[int, list[tuple[datetime, float]]] = defaultdict(list)
    since = now - timedelta(hours=24)
    marks = Observation.objects.filter(on_mark=True, observed_at__gte=since)
    for station, at, level in marks.values_list("station_id", "observed_at", "level_cm"):
        behind[station].append((at, level))
    return {each.slug: _draw(each, behind[each.pk], now) for each in Station.objects.all()}


def _draw(station: Station, behind: list[tuple[datetime, float]], now: datetime) -> Drawn:
    forecast, _ = forecasting.at_hand(station, now) if behind else (None, "")
    observed = [(_hours(at, now), cm) for at, cm in behind]
    ahead = [
        (
            _hours(datetime.fromisoformat(point["at"]), now),
            point["level_cm"],
            point["low_cm"],
            point["high_cm"],
        )
        for point in (forecast.points if forecast else [])
    ]
    chart = draw(observed, ahead, station.raised_cm, station.flood_cm)
    hour_ago = next((cm for hours, cm in observed if hours >= -1.1), None)
    change = observed[-1][1] - hour_ago if hour_ago is not None else None
    return Drawn(chart, change)


def _hours(at: datetime, now: datetime) -> float:
    return (at - now).total_seconds() / 3600


html = Memo(_html, seconds=1.0)
