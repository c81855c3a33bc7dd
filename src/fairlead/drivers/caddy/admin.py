"""Caddy's admin interface (caddyserver.com/docs/api): HTTP over a unix socket."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from fairlead.base.errors import Refused, Unknown

LIMIT = 10.0  # seconds for one call; a change takes milliseconds
HUNG_UP = 5  # times it may hang up on one call
HINT = "fairlead status says whether the proxy runs; fairlead logs proxy shows what it printed"


class Admin:
    """Asks one Caddy. No answer, or one that makes no sense, raises Unknown."""

    def __init__(self, path: Path, limit: float = LIMIT) -> None:
        self._path = path
        self._limit = limit

    def get(self, url: str) -> Any:
        """The JSON at ``url``."""
        return _decoded(self.text("GET", url))

    def set(self, url: str, value: Any) -> None:
        """Put ``value`` at a place of the configuration, creating or replacing it.

        Caddy takes all of it or keeps what it had, which raises Refused with its reason.
        """
        self.text("POST", url, json.dumps(value).encode())

    def delete(self, url: str) -> None:
        """Take a part out of the configuration, if it is there."""
        try:
            self.text("DELETE", url)
        except Refused:
            if self._holds(url):
                raise

    def text(self, method: str, url: str, body: bytes | None = None) -> bytes:
        """One exchange.

        Caddy replaces its admin server with every change of its configuration, and may hang
        up on whoever comes in that instant. Every call here may be repeated, so it is.
        """
        for _ in range(HUNG_UP):
            try:
                return self._once(method, url, body)
            except (ConnectionResetError, BrokenPipeError):
                continue
            except (OSError, http.client.HTTPException) as error:
                raise self._unknown(error) from error
        raise self._unknown(f"it hung up {HUNG_UP} times")

    def _once(self, method: str, url: str, body: bytes | None) -> bytes:
        connection = _Unix(self._path, self._limit)
        try:
            connection.request(method, url, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return _checked(answer.status, answer.read(), url)
        finally:
            connection.close()

    def _holds(self, url: str) -> bool:
        try:
            return self.get(url) is not None
        except Refused:  # not even what it would be a part of
            return False

    def _unknown(self, reason: object) -> Unknown:
        return Unknown(f"the proxy does not answer on {self._path}: {reason}", HINT)


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path, limit: float) -> None:
        super().__init__("localhost", timeout=limit)
        self._path = path
        self._limit = limit

    def connect(self) -> None:
        """Connect to the socket's path. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._limit)
        self.sock.connect(str(self._path))


def _checked(status: int, body: bytes, url: str) -> bytes:
    if status == 200:
        return body
    raise Refused(f"the proxy refused {url}: {_reason(body)}", "what it served before it serves on")


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, LookupError, TypeError):
        return body[:500].decode(errors="replace")


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Unknown(f"the proxy's answer makes no sense: {error}", HINT) from error
