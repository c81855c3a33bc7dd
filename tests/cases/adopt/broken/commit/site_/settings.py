SECRET_KEY = "dev"
MEDIA_ROOT = somewhere()
