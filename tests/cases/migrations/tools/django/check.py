from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = True
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddConstraint(
            "order", models.CheckConstraint(condition=models.Q(total__gte=0), name="no_refunds")
        ),
    ]
