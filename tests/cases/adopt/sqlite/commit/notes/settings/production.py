from .base import *

DEBUG = False
ALLOWED_HOSTS = ["notes.example"]
STATIC_ROOT = "/var/www/notes/static"
