from .base import *

DEBUG = False
SECURE_SSL_REDIRECT = True
