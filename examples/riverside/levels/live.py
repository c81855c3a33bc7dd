"""``/ws/levels``: pushes the newest level of every station each second."""

import asyncio
import json
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import close_old_connections

from . import current
from .memo import Memo

PATH = "/ws/levels"
EVERY = 1.0  # seconds


async def push_levels(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve one WebSocket until its client, or the server that stops, ends it."""
    await receive()
    if scope["path"] != PATH:
        await send({"type": "websocket.close"})  # before it was accepted: answered as 403
        return
    await send({"type": "websocket.accept"})
    gone = asyncio.ensure_future(_gone(receive))
    try:
        while not gone.done():
            await send({"type": "websocket.send", "text": await message.get()})
            await asyncio.wait({gone}, timeout=EVERY)
    except OSError:
        pass  # it left while we spoke
    finally:
        gone.cancel()


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass  # what a client says here is not for us


def _message() -> str:
    """The river as one message. Outside a request nobody else minds the connection."""
    close_old_connections()
    try:
        river = current.read()
    finally:
        close_old_connections()
    return json.dumps(
        {
            "generated_at": river.generated_at,
            "observed_at": river.observed_at,
            "freshness": river.freshness,
            "status": river.status,
            "release": settings.RELEASE or None,
            "levels": [
                {
                    "slug": each.station.slug,
                    "level_cm": each.level_cm,
                    "stage": each.stage,
                    "observed_at": each.observed_at,
                    "freshness": each.freshness,
                }
                for each in river.levels
            ],
        },
        cls=DjangoJSONEncoder,
    )


message = Memo(_message, seconds=EVERY * 0.9)
