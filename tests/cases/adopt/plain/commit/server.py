"""A shop of one file: what it greets with, who answers, and a slow page."""

import hashlib
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import conf


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/slow":
            time.sleep(float(query))
        if path == "/upload":
            with open(f"uploads/{query}.txt", "w") as upload:
                upload.write(os.environ.get("FAIRLEAD_RELEASE", "by hand"))
        said = {
            "release": os.environ.get("FAIRLEAD_RELEASE", "by hand"),
            "greeting": conf.GREETING,
            "token": hashlib.sha256(conf.API_TOKEN.encode()).hexdigest()[:8],
            "mail": hashlib.sha256(os.environ.get("MAIL_PASSWORD", "").encode()).hexdigest()[:8],
            "page": os.environ.get("PAGE_SIZE", ""),
            "host": self.headers.get("Host"),
            "proto": self.headers.get("X-Forwarded-Proto"),
            "client": self.headers.get("X-Real-IP"),
        }
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False


Server(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
