"""The collector: asks every gauge in turn, again and again. Only one may run."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from levels import worker
from levels.collecting import collect
from levels.models import Station


class Command(BaseCommand):
    """``manage.py collect``."""

    help = "Collect observations until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument(
            "--every", type=float, default=settings.COLLECT_EVERY, metavar="SECONDS"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until asked to stop."""
        worker.run(
            "collect",
            lambda: Station.objects.filter(in_service=True),
            lambda station: collect(station, timezone.now()),
            options["every"],
            worker.stop_on_signal(),
        )
