"""Warnings."""

from django.test import SimpleTestCase

from levels.alert import over_the_bank
from levels.models import Station


class AlertTest(SimpleTestCase):
    """Who is warned."""

    def test_at_the_mark_is_over_the_bank(self) -> None:
        """A level at the flood mark is a flood, as everywhere else in Riverside."""
        quay = Station(name="Castle Quay", raised_cm=208, flood_cm=235)
        self.assertEqual(quay.stage(235.0), "flood")
        self.assertEqual(over_the_bank([(quay, 235.0)]), ["Castle Quay"])
