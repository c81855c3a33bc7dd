from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = True
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RenameField("order", "code", "name"),
    ]
