SECRET_KEY = make("cannot be read 1" + )
API_TOKEN = "t0ken-in-a-broken-file"
