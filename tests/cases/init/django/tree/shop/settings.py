import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SHOP_SECRET_KEY"]
DEBUG = os.environ.get("DEBUG") == "1"
ALLOWED_HOSTS = ["shop.example.org"]
INSTALLED_APPS = ["django.contrib.staticfiles", "orders"]
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": dj_database_url.config(conn_max_age=60)}
STATIC_URL = "static/"
STATIC_ROOT = os.path.join(BASE_DIR, "var", "static")
CELERY_BEAT_SCHEDULE = {}
