"""Settings of the shop."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "k3epm3-0ut-of-the-deploy-repo-8274"
DEBUG = False
ALLOWED_HOSTS = ["shop.example", "www.shop.example"]
INSTALLED_APPS = ["django.contrib.staticfiles", "shop"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
CSRF_TRUSTED_ORIGINS = ["https://shop.example"]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "shop",
        "PASSWORD": "pg-Geheim-991",
        "HOST": "127.0.0.1",
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "/media/"
MEDIA_ROOT = BASE_DIR / "media"
CELERY_BROKER_URL = "redis://127.0.0.1:6379/0"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
EMAIL_HOST = "mail.shop.example"
EMAIL_HOST_PASSWORD = os.environ["EMAIL_HOST_PASSWORD"]
