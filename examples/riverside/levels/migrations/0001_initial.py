"""The first tables: stations, observations, forecasts and the runs of the workers."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


def pk():
    """The key every table has."""
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):
    """Creates everything."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Station",
            fields=[
                ("id", pk()),
                ("slug", models.SlugField(unique=True)),
                ("name", models.CharField(max_length=80)),
                ("river_km", models.FloatField()),
                ("normal_cm", models.PositiveIntegerField()),
                ("raised_cm", models.PositiveIntegerField()),
                ("flood_cm", models.PositiveIntegerField()),
                ("in_service", models.BooleanField(default=True)),
            ],
            options={"ordering": ["river_km"]},
        ),
        migrations.CreateModel(
            name="WorkerRun",
            fields=[
                ("id", pk()),
                ("worker", models.CharField(max_length=20)),
                ("pid", models.PositiveIntegerField()),
                ("release", models.CharField(blank=True, max_length=40)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("beat_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(null=True)),
                ("handled", models.PositiveBigIntegerField(default=0)),
            ],
            options={"ordering": ["-started_at"]},
        ),
        migrations.CreateModel(
            name="Forecast",
            fields=[
                ("id", pk()),
                ("generated_at", models.DateTimeField()),
                ("observed_at", models.DateTimeField()),
                ("points", models.JSONField()),
                (
                    "station",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="forecast",
                        to="levels.station",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Observation",
            fields=[
                ("id", pk()),
                ("observed_at", models.DateTimeField()),
                ("level_cm", models.FloatField()),
                ("on_mark", models.BooleanField()),
                (
                    "station",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="observations",
                        to="levels.station",
                    ),
                ),
            ],
            options={
                "ordering": ["observed_at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("station", "observed_at"), name="one_level_at_a_time"
                    )
                ],
            },
        ),
    ]
