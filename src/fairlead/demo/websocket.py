"""A WebSocket client that listens, answers pings, and notes how each connection ended.

Source: RFC 6455 (§4.1 the handshake, §5.2 frames, §5.5 control frames, §7.4 close codes).
"""

import asyncio
import base64
import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from fairlead.demo.http1 import Broken, Target

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
NO_CODE = 1005  # a close frame came without a code
NO_CLOSE = 1006  # the connection ended without a close frame
MESSAGE_LIMIT = 1024 * 1024  # bytes of one frame
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


@dataclass(frozen=True)
class Ended:
    """How a WebSocket ended: a close code (1006: without a word) and what was said."""

    code: int
    reason: str


@dataclass(frozen=True)
class Frame:
    """One frame as it came, unmasked."""

    opcode: int
    final: bool
    payload: bytes


class WebSocket:
    """One open connection; ``listen`` until it ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def listen(self, heard: Callable[[], None], silence: float) -> Ended:
        """Call ``heard`` for each message until the end.

        After ``silence`` seconds without a frame a ping is sent; after as many again without
        an answer the connection is called dead (1006).
        """
        asked = False
        while True:
            coming = asyncio.ensure_future(read_frame(self._reader))
            try:
                while not (await asyncio.wait({coming}, timeout=silence))[0]:
                    if asked:
                        return Ended(NO_CLOSE, f"silent for {2 * silence:g} s")
                    asked = True
                    await self._send(PING, b"")
                frame = coming.result()
            except (OSError, asyncio.IncompleteReadError):
                return Ended(NO_CLOSE, "the connection ended without a close frame")
            except Broken as broken:
                return Ended(NO_CLOSE, broken.what)
            finally:
                coming.cancel()
            asked = False
            if frame.opcode == CLOSE:
                await self._send(CLOSE, frame.payload[:2])
                return _ended(frame.payload)
            if frame.opcode == PING:
                await self._send(PONG, frame.payload)
            elif frame.opcode in (TEXT, BINARY, CONTINUATION) and frame.final:
                heard()

    async def close(self) -> None:
        """Say goodbye (1000) and leave."""
        await self._send(CLOSE, struct.pack("!H", 1000))
        self.abort()

    def abort(self) -> None:
        """Leave without a word."""
        transport = self._writer.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()

    async def _send(self, opcode: int, payload: bytes) -> None:
        try:
            self._writer.write(frame_bytes(opcode, payload))
            await self._writer.drain()
        except OSError:
            pass  # the next read says how it ended


async def connect(target: Target, path: str) -> WebSocket:
    """Shake hands. Raises Broken, with the status line when the server answered otherwise."""
    try:
        reader, writer = await asyncio.open_connection(target.address, target.port)
    except OSError as error:
        raise Broken(f"cannot connect: {error.strerror or error}") from None
    socket = WebSocket(reader, writer)
    try:
        await _shake_hands(target, path, reader, writer)
    except BaseException:
        socket.abort()
        raise
    return socket


async def _shake_hands(
    target: Target, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {target.host}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode("ascii")
    )
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise Broken("closed during the WebSocket handshake") from None
    first, *lines = head.split("\r\n")
    if " 101 " not in f"{first} ":
        raise Broken(f"no WebSocket: {first}")
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    if headers.get("sec-websocket-accept") != accept(key):
        raise Broken("no WebSocket: the handshake's key does not match")


def accept(key: str) -> str:
    """What a server must answer to a handshake's key (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()  # noqa: S324


def frame_bytes(opcode: int, payload: bytes) -> bytes:
    """A whole frame, masked as a client must; control frames only, so at most 125 bytes."""
    assert len(payload) <= 125
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next frame from a server. Raises Broken, OSError, IncompleteReadError."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if second & 0x80:
        raise Broken("nonsense: a server's frame is masked")
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    if length > MESSAGE_LIMIT:
        raise Broken(f"nonsense: a frame of {length} bytes")
    return Frame(first & 0x0F, bool(first & 0x80), await reader.readexactly(length))


def _ended(payload: bytes) -> Ended:
    if len(payload) < 2:
        return Ended(NO_CODE, "")
    (code,) = struct.unpack("!H", payload[:2])
    return Ended(code, payload[2:].decode("utf-8", "replace"))
