"""Riverside's tests: ``python manage.py test``."""

import os

os.environ.setdefault("TIDES_URL", "https://tides.example/api")
