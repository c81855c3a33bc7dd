from django.db import models


class Order(models.Model):
    code = models.CharField(max_length=20)
    total = models.IntegerField()
    note = models.TextField(null=True)
