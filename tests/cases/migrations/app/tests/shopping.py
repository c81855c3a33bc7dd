import unittest

import shop


class Shop(unittest.TestCase):
    def test_customers(self):
        shop.welcome("Ada")
        self.assertIn("Ada|", shop.customers())

    def test_orders(self):
        who = shop.welcome("Bob")
        order = shop.place(who, ("12.50", "spring"), ("-5", "spring"))
        self.assertEqual(shop.pay(order), "12.50")
