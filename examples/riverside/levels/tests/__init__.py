"""Riverside's tests: ``python manage.py test``."""
