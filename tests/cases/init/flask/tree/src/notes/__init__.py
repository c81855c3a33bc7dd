from flask import Flask


def create_app(config=None):
    app = Flask(__name__)

    @app.get("/healthz")
    def health():
        return "ok"

    return app
