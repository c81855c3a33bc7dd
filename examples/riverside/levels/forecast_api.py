"""The forecast of one station, for programs."""

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from . import forecasting
from .freshness import UNKNOWN, freshness, status
from .models import Station


async def station_forecast(request: HttpRequest, slug: str) -> JsonResponse:
    """The next 24 hours at a station; 404 when there is none of that name.

    ``source`` is ``stored`` when a worker made it, ``on_demand`` when it was made for this
    answer because no stored one was fresh.
    """
    answer = await sync_to_async(_answer)(slug)
    if answer is None:
        return JsonResponse({"error": "no such station", "station": slug}, status=404)
    return JsonResponse(answer)


def _answer(slug: str) -> dict[str, Any] | None:
    station = Station.objects.filter(slug=slug).first()
    if station is None:
        return None
    now = timezone.now()
    forecast, source = forecasting.at_hand(station, now)
    if forecast is None:
        return {
            "station": slug,
            "generated_at": now,
            "observed_at": None,
            "freshness": UNKNOWN,
            "status": UNKNOWN,
            "source": None,
            "points": [],
        }
    observed = freshness(forecast.observed_at, now, settings.OBSERVATION_FRESH_FOR)
    return {
        "station": slug,
        "generated_at": forecast.generated_at,
        "observed_at": forecast.observed_at,
        "freshness": observed,
        "status": status([observed]),
        "source": source,
        "points": forecast.points,
    }
