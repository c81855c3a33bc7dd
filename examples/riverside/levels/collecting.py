"""Asking a gauge, and keeping what it said."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from . import gauge
from .models import Observation, Station

KEEP_EACH = timedelta(hours=1)
KEEP_MARKS = timedelta(hours=25)


def collect(station: Station, now: datetime) -> int:
    """Store the level now and any ten-minute mark not stored yet; drop what is too old.

    Returns how many observations the gauge gave: 0 when it does not answer.
    """
    level = gauge.read(station, now)
    if level is None:
        return 0
    newest = station.observations.filter(on_mark=True).aggregate(at=Max("observed_at"))["at"]
    found = [
        Observation(station=station, observed_at=at, level_cm=each, on_mark=True)
        for at, each in gauge.memory(station, now)
        if newest is None or at > newest
    ]
    at = now.replace(microsecond=0)
    found.append(Observation(station=station, observed_at=at, level_cm=level, on_mark=False))
    too_old = Q(on_mark=False, observed_at__lt=now - KEEP_EACH) | Q(
        observed_at__lt=now - KEEP_MARKS
    )
    with transaction.atomic():
        Observation.objects.bulk_create(found, ignore_conflicts=True)
        station.observations.filter(too_old).delete()
    return len(found)
