from django.test import SimpleTestCase


class Orders(SimpleTestCase):
    def test_one(self):
        self.assertEqual(1, 1)
