"""Adds the water's temperature. Nullable: the release before this one writes rows without it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Expands only; the release before this one runs on it, too."""

    dependencies = [("levels", "0002_stations")]
    operations = [
        migrations.AddField(
            model_name="observation",
            name="temperature_c",
            field=models.FloatField(null=True),
        ),
    ]
