"""Riverside's tests: ``python manage.py test``."""

import os

os.environ.setdefault("FORECAST_MODEL", "trend-2")
