"""Riverside's settings, all of them from the environment.

SECRET_KEY       signs things; nothing here signs anything yet, so Django asks for it only then
DEBUG            1 while developing; never in production
ALLOWED_HOSTS    host names this site answers to, comma-separated
DATABASE_URL     sqlite:///path (the default) or postgres://user:password@host/name
REDIS_URL        a shared cache; this process's memory without it
TIME_ZONE        what the page shows times in
COLLECT_EVERY, FORECAST_EVERY            seconds between two rounds of a worker
FAIRLEAD_RELEASE, FAIRLEAD_COMMIT        which release this is; set by whoever deploys it
"""

import os
from pathlib import Path

from . import env

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.flag("DEBUG")
SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-developing" if DEBUG else "")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")

RELEASE = os.environ.get("FAIRLEAD_RELEASE", "")
COMMIT = os.environ.get("FAIRLEAD_COMMIT", "")

# Few apps and few layers: a copy that starts sooner serves sooner.
INSTALLED_APPS = ["django.contrib.staticfiles", "levels"]
MIDDLEWARE = ["riverside.edge.Edge"]
ROOT_URLCONF = "riverside.urls"
ASGI_APPLICATION = "riverside.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]

DATABASES = {
    "default": env.database(
        os.environ.get("DATABASE_URL", "sqlite:///riverside.sqlite3"), base=BASE_DIR
    )
}
# Two releases may share a Redis for a while, and not agree on what they keep in it.
CACHES = {"default": env.cache(os.environ.get("REDIS_URL", "")) | {"KEY_PREFIX": RELEASE}}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

# Django mails errors to nobody when DEBUG is off; say them where the supervisor listens.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}

COLLECT_EVERY = env.seconds("COLLECT_EVERY", 5)
FORECAST_EVERY = env.seconds("FORECAST_EVERY", 10)
OBSERVATION_FRESH_FOR = 120.0  # seconds; older than this, a level is said to be stale
FORECAST_FRESH_FOR = 600.0  # seconds; older than this, a stored forecast is not used
