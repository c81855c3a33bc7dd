"""The ASGI door: HTTP goes to Django, the WebSocket to its own small handler."""

import gc
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "riverside.settings")

from django.conf import settings  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402

from .warm import warm  # noqa: E402

http = get_asgi_application()
if settings.DEBUG:  # in production the proxy serves /static/ from STATIC_ROOT
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

    http = ASGIStaticFilesHandler(http)

from levels.live import push_levels  # noqa: E402 (models are ready only now)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer one connection, by its kind."""
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await push_levels(scope, receive, send)
    elif scope["type"] == "lifespan":
        await lifespan(receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    """Be warm before the server opens its socket; nothing to undo at the end."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await warm(http)
            gc.freeze()  # made to stay: a full collection would spend 10 ms looking at it
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
