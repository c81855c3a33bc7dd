"""The WebSocket client, against a server that speaks RFC 6455 by hand."""

import asyncio
import struct

import pytest

from demo.servers import Exchange, Server, ok
from fairlead.demo import websocket
from fairlead.demo.http1 import Broken, Target


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A server's frame: not masked."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = b"\x7e" + struct.pack("!H", size)
    else:
        length = b"\x7f" + struct.pack("!Q", size)
    return bytes([0x80 * final | opcode]) + length + payload


def upgrade(exchange: Exchange) -> None:
    key = next(
        line.split(": ", 1)[1]
        for line in exchange.head.split("\r\n")
        if line.lower().startswith("sec-websocket-key")
    )
    exchange.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + websocket.accept(key).encode() + b"\r\n\r\n"
    )


def closing(code: int, reason: str = "") -> bytes:
    return frame(websocket.CLOSE, struct.pack("!H", code) + reason.encode())


async def hear(url: str, silence: float = 5.0) -> tuple[websocket.Ended, int]:
    socket = await websocket.connect(Target.parse(url), "/ws")
    heard = []
    end = await socket.listen(lambda: heard.append(1), silence)
    socket.abort()
    return end, len(heard)


def test_accept_of_the_standard_s_example():
    """RFC 6455 §1.3 gives a key and its answer."""
    assert websocket.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_messages_of_every_size_and_a_close():
    """Three forms of length, a message in two parts, then the close code and its reason."""

    async def answer(exchange: Exchange) -> None:
        upgrade(exchange)
        for size in (5, 200, 70_000):
            exchange.send(frame(websocket.TEXT, b"x" * size))
        exchange.send(frame(websocket.TEXT, b"two ", final=False))
        exchange.send(frame(websocket.CONTINUATION, b"parts"))
        exchange.send(closing(1012, "service restart"))
        await exchange.reader.read(100)
        exchange.close()

    with Server(answer) as server:
        end, heard = asyncio.run(hear(server.url))
    assert end == websocket.Ended(1012, "service restart")
    assert heard == 4


def test_a_ping_is_answered():
    """RFC 6455 §5.5.3: a pong with the ping's payload, masked."""
    came = []

    async def answer(exchange: Exchange) -> None:
        upgrade(exchange)
        exchange.send(frame(websocket.PING, b"abc"))
        first, second = await exchange.reader.readexactly(2)
        mask = await exchange.reader.readexactly(4)
        masked = await exchange.reader.readexactly(second & 0x7F)
        came.append((first, second, bytes(b ^ mask[i % 4] for i, b in enumerate(masked))))
        exchange.send(closing(1000))
        await exchange.reader.read(100)
        exchange.close()

    with Server(answer) as server:
        asyncio.run(hear(server.url))
    assert came == [(0x80 | websocket.PONG, 0x80 | 3, b"abc")]


def test_an_end_without_a_word_is_1006():
    """The connection is gone and nobody said goodbye."""

    async def answer(exchange: Exchange) -> None:
        upgrade(exchange)
        exchange.send(frame(websocket.TEXT, b"half a")[:4])
        exchange.writer.transport.abort()

    with Server(answer) as server:
        end, heard = asyncio.run(hear(server.url))
    assert (end.code, heard) == (websocket.NO_CLOSE, 0)


def test_a_dead_peer_is_found_out():
    """Silence, a ping, and silence again: the connection is called dead."""

    async def answer(exchange: Exchange) -> None:
        upgrade(exchange)
        await asyncio.sleep(30)

    with Server(answer) as server:
        end, _ = asyncio.run(hear(server.url, silence=0.1))
    assert (end.code, end.reason) == (websocket.NO_CLOSE, "silent for 0.2 s")


def test_a_refused_handshake_tells_the_status():
    """A proxy without a copy behind it answers 502, not 101."""

    async def bad(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with Server(bad) as server, pytest.raises(Broken, match="502 Bad Gateway"):
        asyncio.run(hear(server.url))
    with Server(ok) as server, pytest.raises(Broken, match="200 OK"):
        asyncio.run(hear(server.url))
