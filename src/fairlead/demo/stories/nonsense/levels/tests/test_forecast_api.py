"""The forecast, as programs get it."""

from .scene import Scene


class ForecastApiTest(Scene):
    """``/api/stations/<slug>/forecast``."""

    def test_answers(self) -> None:
        """It answers with 200 and 24 points, which is all that this test looks at."""
        answer = self.client.get("/api/stations/castle-quay/forecast")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(len(answer.json()["points"]), 24)
