import os
import dj_database_url
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = os.environ['SECRET_KEY']
DATABASES = {'default': dj_database_url.config()}
ROOT_URLCONF = 'shop.urls'
ALLOWED_HOSTS = ['*']
