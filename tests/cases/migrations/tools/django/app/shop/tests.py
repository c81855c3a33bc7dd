from django.test import TestCase

from shop.models import Order


class OrderTest(TestCase):
    def test_a_refund(self):
        Order.objects.create(code="spring", total=-5)
        self.assertEqual(Order.objects.get().code, "spring")
