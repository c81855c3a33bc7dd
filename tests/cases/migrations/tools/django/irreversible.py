from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = True
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RunPython(
            lambda apps, _: apps.get_model("shop", "Order").objects.update(note="")
        ),
    ]
