ROOT_URLCONF = "mini.urls"
