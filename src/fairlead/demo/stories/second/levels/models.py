"""What is kept: stations, what their gauges said, what they will say, and who asked."""

from datetime import datetime

from django.db import models
from django.utils import timezone


class Station(models.Model):
    """A place on the river with a gauge."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    river_km = models.FloatField()  # below the source
    normal_cm = models.PositiveIntegerField()  # the level with no rain about
    raised_cm = models.PositiveIntegerField()  # from here on, keep an eye on it
    flood_cm = models.PositiveIntegerField()  # from here on, it is over the bank
    in_service = models.BooleanField(default=True)

    class Meta:
        ordering = ["river_km"]

    def __str__(self) -> str:
        return self.name

    def stage(self, level_cm: float) -> str:
        """``normal``, ``raised`` or ``flood``."""
        if level_cm >= self.flood_cm:
            return "flood"
        return "raised" if level_cm >= self.raised_cm else "normal"


class Observation(models.Model):
    """One level that a gauge reported."""

    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="observations")
    observed_at = models.DateTimeField()
    level_cm = models.FloatField()
    temperature_c = models.FloatField(null=True)  # None: not read, or read by an older release
    on_mark = models.BooleanField()  # kept for a day; the others for an hour

    class Meta:
        ordering = ["observed_at"]
        constraints = [
            # Two collectors at once would be a mistake, but not one that doubles the history.
            models.UniqueConstraint(fields=["station", "observed_at"], name="one_level_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.level_cm} cm"


class Forecast(models.Model):
    """The newest forecast of a station."""

    station = models.OneToOneField(Station, on_delete=models.CASCADE, related_name="forecast")
    generated_at = models.DateTimeField()
    observed_at = models.DateTimeField()  # the newest observation it was made from
    points = models.JSONField()

    def __str__(self) -> str:
        return f"{self.station} as of {self.generated_at:%H:%M}"


class WorkerRun(models.Model):
    """One process of a worker: when it started, its last sign of life, when it ended.

    Two runs of a singleton whose times overlap show that it ran twice.
    """

    worker = models.CharField(max_length=20)
    pid = models.PositiveIntegerField()
    release = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    handled = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.worker} ({self.pid})"

    def beat(self, handled: int, *, ended_at: datetime | None = None) -> None:
        """Note a sign of life, or the end."""
        self.handled, self.beat_at, self.ended_at = handled, timezone.now(), ended_at
        self.save(update_fields=["handled", "beat_at", "ended_at"])
