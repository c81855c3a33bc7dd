"""The forecast, as programs get it."""

from django.test import override_settings
from django.utils import timezone

from levels.forecasting import store

from .scene import Scene


class ForecastApiTest(Scene):
    """``/api/stations/<slug>/forecast``."""

    def get(self, slug: str = "castle-quay") -> dict:
        """The answer as JSON."""
        return self.client.get(f"/api/stations/{slug}/forecast").json()

    def test_on_demand_before_any_worker_ran(self) -> None:
        """A first start has no stored forecast; one is made now, and says so."""
        answer = self.get()
        self.assertEqual((answer["status"], answer["source"]), ("ok", "on_demand"))
        self.assertEqual((answer["freshness"], len(answer["points"])), ("fresh", 24))

    def test_stored_while_fresh(self) -> None:
        """The worker's forecast is served while it is fresh, and not after."""
        now = timezone.now()
        self.collect_all(now)
        store(self.station(), now)
        self.assertEqual(self.get()["source"], "stored")
        with override_settings(FORECAST_FRESH_FOR=0.0):
            self.assertEqual(self.get()["source"], "on_demand")

    def test_unknown_station_and_silent_gauge(self) -> None:
        """No such station is 404; one that never answered is unknown, not ok."""
        self.assertEqual(self.client.get("/api/stations/atlantis/forecast").status_code, 404)
        answer = self.get("saltmarsh-sluice")
        self.assertEqual((answer["status"], answer["freshness"]), ("unknown", "unknown"))
        self.assertEqual((answer["points"], answer["observed_at"]), ([], None))
