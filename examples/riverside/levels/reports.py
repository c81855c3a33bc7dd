"""The long export: an answer that takes its time."""

import asyncio
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone

from . import river
from .models import Station

LONGEST = 30.0  # seconds
STEP = 0.25  # seconds between two lines


async def slow(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The levels of past hours as CSV, one line each ``STEP``, for ``seconds`` (at most 30).

    The archive is slow on purpose: this is the request that must survive a change of release.
    Its last line says ``end``, so a reader knows that it has all of it.
    """
    try:
        seconds = float(request.GET.get("seconds", "10"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST:
        return HttpResponse(f"seconds: expected 0 to {LONGEST:.0f}\n", status=400)
    stations = [each async for each in Station.objects.all()]
    return StreamingHttpResponse(_lines(stations, seconds), content_type="text/csv; charset=utf-8")


async def _lines(stations: list[Station], seconds: float) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    begin = loop.time()
    now = timezone.now().timestamp()
    yield ",".join(["hours_ago", *(each.slug for each in stations)]) + "\n"
    count = int(seconds / STEP)
    for hour in range(count):
        levels = (
            river.level_cm(now - hour * 3600, each.river_km, each.normal_cm) for each in stations
        )
        yield ",".join([str(hour), *(str(level) for level in levels)]) + "\n"
        await asyncio.sleep(begin + (hour + 1) * STEP - loop.time())
    await asyncio.sleep(begin + seconds - loop.time())
    yield "end\n"
