"""What several tests stand on."""

import logging
from datetime import UTC, datetime, timedelta
from unittest import mock

from django.test import TestCase, override_settings

from levels import current, live, page
from levels.collecting import collect
from levels.models import Station

NOW = datetime(2026, 3, 14, 12, 34, 56, tzinfo=UTC)

# Hashed names need a collected directory; a test has none.
PLAIN_STATIC = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@override_settings(STORAGES=PLAIN_STATIC)
class Scene(TestCase):
    """A database with the eight stations, and nothing remembered from another test."""

    def setUp(self) -> None:
        self.forget()
        for module in ("live", "worker"):  # the connection a test works in is not theirs to close
            patch = mock.patch(f"levels.{module}.close_old_connections")
            patch.start()
            self.addCleanup(patch.stop)
        logging.disable(logging.CRITICAL)  # an error that a test asks for is not news
        self.addCleanup(logging.disable, logging.NOTSET)

    def forget(self) -> None:
        """Let a second pass in no time: nothing that was made before is shown again."""
        for memo in (current.river, live.message, page.html):
            memo.clear()
        page.cache.clear()

    def station(self, slug: str = "castle-quay") -> Station:
        """One of the stations."""
        return Station.objects.get(slug=slug)

    def collect_all(self, now: datetime) -> None:
        """What one round of the collector does."""
        for station in Station.objects.filter(in_service=True):
            collect(station, now)


def minutes(count: float) -> timedelta:
    """That many minutes."""
    return timedelta(minutes=count)
