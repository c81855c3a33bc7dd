from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = True
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("order", "country", models.CharField(max_length=2, db_default="fr")),
    ]
