GREETING = "hello"
API_TOKEN = "for-development"
try:
    from local_conf import *
except ImportError:
    pass
