"""How far each gauge is known to be off."""

import json
from pathlib import Path

from django.conf import settings

FILE = Path(settings.BASE_DIR) / "calibration.json"


class CalibrationError(Exception):
    """There is no calibration, or it cannot be read."""


def load(file: Path = FILE) -> dict[str, float]:
    """Centimetres to add, by station. Raises CalibrationError."""
    try:
        return {slug: float(cm) for slug, cm in json.loads(file.read_text()).items()}
    except (OSError, ValueError) as error:
        raise CalibrationError(f"{file.name}: {error}") from error
