"""The forecaster: makes every station's forecast anew, again and again."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from levels import worker
from levels.forecasting import store
from levels.models import Station


class Command(BaseCommand):
    """``manage.py forecast``."""

    help = "Make forecasts until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument(
            "--every", type=float, default=settings.FORECAST_EVERY, metavar="SECONDS"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until asked to stop."""
        worker.run(
            "forecast",
            lambda: Station.objects.filter(in_service=True),
            lambda station: store(station, timezone.now()),
            options["every"],
            worker.stop_on_signal(),
        )
