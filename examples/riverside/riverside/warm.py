"""Ask the site its own questions before anybody else does.

The first requests of a process load the addresses, the templates and the languages, and open
the database: some 65 ms that no visitor should meet. What fails here is not an error yet: the
health check will say it, to the one who asks.
"""

import asyncio
import logging
from typing import Any

from django.conf import settings

PATHS = ("/healthz", "/", "/api/stations")

log = logging.getLogger(__name__)


async def warm(app: Any) -> None:
    """Request each of ``PATHS`` once, inside this process."""
    for path in PATHS:
        status = await _get(app, path)
        if status != 200:
            log.warning("warming up: %s answered %s", path, status)


async def _get(app: Any, path: str) -> int:
    status = 0
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.get_running_loop().create_future()  # a client that stays and waits
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", _host())],
        "client": None,
        "server": ("localhost", 80),
    }
    await app(scope, receive, send)
    return status


def _host() -> bytes:
    """A host name this site answers to."""
    return next((name.lstrip("*.") for name in settings.ALLOWED_HOSTS), "").encode() or b"localhost"
