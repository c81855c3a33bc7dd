"""Registers the app with Django."""

from django.apps import AppConfig


class LevelsConfig(AppConfig):
    """Stations, observations, forecasts, and who collected them."""

    name = "levels"
