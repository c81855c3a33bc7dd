"""The tides."""

from django.test import SimpleTestCase

from riverside import asgi, tides


class TidesTest(SimpleTestCase):
    """Where they come from."""

    def test_described(self) -> None:
        """The log names the source, and the site starts with it."""
        self.assertEqual(tides.describe(), "tides from https://tides.example/api")
        self.assertTrue(callable(asgi.application))
