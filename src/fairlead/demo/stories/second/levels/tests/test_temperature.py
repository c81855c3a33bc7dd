"""The water's temperature."""

from django.utils import timezone

from levels import river
from levels.collecting import collect
from levels.models import Observation

from .scene import Scene, minutes

JULY, JANUARY = 1_784_000_000.0, 1_768_000_000.0


class TemperatureTest(Scene):
    """It is read with the level, and shown where it was read."""

    def test_summer_is_warmer_and_so_is_the_sea(self) -> None:
        """By some ten degrees far down, by a few at the source."""
        self.assertGreater(river.temperature_c(JULY, 160), river.temperature_c(JANUARY, 160) + 8)
        self.assertGreater(river.temperature_c(JULY, 160), river.temperature_c(JULY, 4) + 3)
        self.assertGreater(river.temperature_c(JANUARY, 4), 0)

    def test_api_and_page(self) -> None:
        """Both tell it, once it was read."""
        self.collect_all(timezone.now())
        stations = self.client.get("/api/stations").json()["stations"]
        self.assertIsInstance(stations[0]["temperature_c"], float)
        self.assertIsNone(stations[-1]["temperature_c"])
        self.assertContains(self.client.get("/?lang=de"), "Wasser")

    def test_rows_of_the_release_before(self) -> None:
        """A row without it, as the release before writes, is shown without it."""
        collect(self.station(), timezone.now() - minutes(1))
        Observation.objects.update(temperature_c=None)
        self.assertNotContains(self.client.get("/"), "°C")
