"""Every address Riverside answers (``/ws/levels`` is in ``asgi.py``)."""

from django.urls import path

from levels import api, forecast_api, page, reports

urlpatterns = [
    path("", page.river),
    path("api/stations", api.stations),
    path("api/stations/<slug:slug>/forecast", forecast_api.station_forecast),
    path("api/workers", api.workers),
    path("api/version", api.version),
    path("healthz", api.healthz),
    path("slow", reports.slow),
]
