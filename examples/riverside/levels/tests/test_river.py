"""The pure parts: the river, the trend, the chart, and what counts as fresh."""

from django.test import SimpleTestCase

from levels import river, trend
from levels.chart import HEIGHT, draw
from levels.freshness import freshness, status

from .scene import NOW, minutes

HOUR = 3600.0


class RiverTest(SimpleTestCase):
    """The synthetic river."""

    def test_same_time_and_place_same_level(self) -> None:
        """The level is a function of time and place, on every machine."""
        self.assertEqual(river.level_cm(1_770_000_000.0, 88.0, 176.0), 197.9)

    def test_water_travels_downstream(self) -> None:
        """A crest passes upstream first: downstream looks most like upstream some hours ago."""
        times = [1_770_000_000.0 + hour * HOUR for hour in range(200)]
        above = [river.level_cm(at, 21.5, 0) for at in times]
        below = [river.level_cm(at, 141.5, 0) for at in times]

        def unlike(lag: int) -> float:
            return sum(abs(below[i] - above[i - lag]) for i in range(40, 200))

        best = min(range(40), key=unlike)
        self.assertAlmostEqual(best, (141.5 - 21.5) / river.WAVE_KM_PER_HOUR, delta=4)

    def test_dry_and_wet(self) -> None:
        """It rains sometimes, and never less than nothing."""
        rain = [river.rain_mm(block) for block in range(80_000, 80_400)]
        dry = sum(1 for each in rain if each == 0) / len(rain)
        self.assertTrue(0.5 < dry < 0.8, dry)
        self.assertTrue(15 < max(rain) <= 22, max(rain))


class TrendTest(SimpleTestCase):
    """The forecast's arithmetic."""

    def test_a_rise_goes_on_ever_slower(self) -> None:
        """A steady rise is foretold to go on, to slow down, and to become less sure."""
        points = trend.forecast([(-2.0, 100.0), (-1.0, 110.0), (0.0, 120.0)], 24)
        rises = [b.level_cm - a.level_cm for a, b in zip(points, points[1:])]
        self.assertEqual(len(points), 24)
        self.assertAlmostEqual(points[0].level_cm, 129.1, places=1)
        self.assertTrue(all(later < earlier + 0.11 for earlier, later in zip(rises, rises[1:])))
        self.assertLess(rises[-1], rises[0] / 10)
        self.assertTrue(points[23].high_cm - points[23].low_cm > 3 * trend.BAND_CM)

    def test_nothing_known_nothing_foretold(self) -> None:
        """No observation gives no forecast, and one alone gives a flat one."""
        self.assertEqual(trend.forecast([], 24), [])
        self.assertEqual({p.level_cm for p in trend.forecast([(0.0, 80.0)], 6)}, {80.0})


class FreshnessTest(SimpleTestCase):
    """How an answer speaks of its age."""

    def test_the_limit_itself_is_fresh(self) -> None:
        """Up to the limit fresh, beyond it stale, without a time unknown."""
        self.assertEqual(freshness(NOW - minutes(2), NOW, 120), "fresh")
        self.assertEqual(freshness(NOW - minutes(2.1), NOW, 120), "stale")
        self.assertEqual(freshness(None, NOW, 120), "unknown")

    def test_not_known_is_never_ok(self) -> None:
        """One stale or unknown part is enough to be degraded; none known is unknown."""
        self.assertEqual(status(["fresh", "fresh"]), "ok")
        self.assertEqual(status(["fresh", "stale"]), "degraded")
        self.assertEqual(status(["fresh", "unknown"]), "degraded")
        self.assertEqual(status(["unknown"]), "unknown")
        self.assertEqual(status([]), "unknown")


class ChartTest(SimpleTestCase):
    """The drawing."""

    def test_line_and_thresholds(self) -> None:
        """The line stays inside; a threshold shows only when it is in sight."""
        chart = draw([(-24.0, 100.0), (0.0, 140.0)], [(24.0, 150.0, 145.0, 155.0)], 130, 400)
        ys = [float(pair.split()[1]) for pair in chart.observed[1:].split("L")]
        self.assertTrue(all(0 <= y <= HEIGHT for y in ys), ys)
        self.assertTrue(chart.raised_y)
        self.assertEqual(chart.flood_y, "")
        self.assertIsNone(draw([], [], 130, 400))
