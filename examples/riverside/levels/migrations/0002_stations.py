"""The eight gauges of the river, from its source down to the sea."""

from django.db import migrations

# slug, name, km below the source, normal / raised / flood level in cm, in service
STATIONS = [
    ("high-spring", "High Spring", 4.0, 48, 85, 110, True),
    ("alder-bridge", "Alder Bridge", 21.5, 92, 130, 160, True),
    ("mill-race", "Mill Race", 38.0, 115, 152, 180, True),
    ("three-oaks", "Three Oaks", 62.5, 140, 175, 205, True),
    ("castle-quay", "Castle Quay", 88.0, 176, 208, 235, True),
    ("long-meadow", "Long Meadow", 117.0, 188, 218, 243, True),
    ("ferry-stairs", "Ferry Stairs", 141.5, 214, 241, 264, True),
    ("saltmarsh-sluice", "Saltmarsh Sluice", 168.0, 231, 256, 278, False),
]


def add(apps, schema_editor):
    """Add those that are not there yet."""
    station = apps.get_model("levels", "Station")
    for slug, name, km, normal, raised, flood, in_service in STATIONS:
        station.objects.get_or_create(
            slug=slug,
            defaults={
                "name": name,
                "river_km": km,
                "normal_cm": normal,
                "raised_cm": raised,
                "flood_cm": flood,
                "in_service": in_service,
            },
        )


class Migration(migrations.Migration):
    """Data only; going back leaves them."""

    dependencies = [("levels", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
