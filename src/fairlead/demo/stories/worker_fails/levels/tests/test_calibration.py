"""Calibration."""

from pathlib import Path
from tempfile import TemporaryDirectory

from django.test import SimpleTestCase

from levels.calibration import CalibrationError, load


class CalibrationTest(SimpleTestCase):
    """The file of corrections (the author has one; it was never committed)."""

    def test_load(self) -> None:
        """Corrections by station; anything else is refused."""
        with TemporaryDirectory() as directory:
            file = Path(directory) / "calibration.json"
            file.write_text('{"mill-race": -1.5}')
            self.assertEqual(load(file), {"mill-race": -1.5})
            file.write_text("[")
            with self.assertRaises(CalibrationError):
                load(file)
