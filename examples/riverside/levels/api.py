"""The API. Every answer says when it was made, from what time its data are, and how far to
trust it."""

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from . import current
from .freshness import OK, freshness
from .models import WorkerRun

WORKER_FRESH_FOR = 60.0  # seconds since its last sign of life


async def stations(request: HttpRequest) -> JsonResponse:
    """All stations, downstream, with their newest level."""
    river = await current.river.get()
    return JsonResponse(
        {
            "generated_at": river.generated_at,
            "observed_at": river.observed_at,
            "freshness": river.freshness,
            "status": river.status,
            "stations": [_station(each) for each in river.levels],
        }
    )


def _station(level: current.Level) -> dict[str, Any]:
    station = level.station
    return {
        "slug": station.slug,
        "name": station.name,
        "river_km": station.river_km,
        "level_cm": level.level_cm,
        "raised_cm": station.raised_cm,
        "flood_cm": station.flood_cm,
        "stage": level.stage,
        "in_service": station.in_service,
        "observed_at": level.observed_at,
        "freshness": level.freshness,
    }


async def workers(request: HttpRequest) -> JsonResponse:
    """The runs of the workers, newest first."""
    return JsonResponse(await sync_to_async(_workers)())


def _workers() -> dict[str, Any]:
    now = timezone.now()
    runs = [
        {
            "worker": run.worker,
            "pid": run.pid,
            "release": run.release,
            "started_at": run.started_at,
            "beat_at": run.beat_at,
            "ended_at": run.ended_at,
            "handled": run.handled,
            "freshness": freshness(run.beat_at, now, WORKER_FRESH_FOR),
        }
        for run in WorkerRun.objects.all()
    ]
    return {"generated_at": now, "runs": runs}


async def version(request: HttpRequest) -> JsonResponse:
    """Which release answers, as it was told when it was started; ``null`` when it was not."""
    release = settings.RELEASE
    return JsonResponse(
        {
            "release": int(release) if release.isdecimal() else release or None,
            "commit": settings.COMMIT or None,
        }
    )


async def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers; 503 with what it said otherwise."""
    try:
        await sync_to_async(_ask_database)()
    except Error as error:
        # The class only: a driver's message may hold the address it could not reach.
        problem = type(error).__name__
        return JsonResponse({"status": "unavailable", "database": problem}, status=503)
    return JsonResponse({"status": OK, "database": OK, "generated_at": timezone.now()})


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
