"""The web role of the scenes' app: `python server.py ADDRESS`, a socket's path or a port, or
`fd=N`, a descriptor that listens already: then it ends what it has begun before it ends itself.

behave.json says what this release does wrong: crash (exit 1 before it listens), hang (it never
listens), boot (seconds until it listens), health (the status of /health), smoke (the body of
/smoke), stubborn (SIGTERM does not end it).

/ names a hashed asset, /version says the release, /slow?seconds=S takes its time, /rows reads the
database, /ws sends a message twice a second.
"""

import asyncio
import base64
import hashlib
import json
import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BEHAVE = json.loads((HERE / "behave.json").read_text())
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
ENDED = asyncio.Event()
OPEN: set[asyncio.StreamWriter] = set()


def version() -> str:
    return json.dumps(
        {
            "release": int(os.environ["FAIRLEAD_RELEASE"]),
            "pid": os.getpid(),
            "word": BEHAVE.get("word", ""),
            "setting": os.environ.get("COLOUR", ""),
        }
    )


def page() -> str:
    assets = sorted(path.name for path in (HERE / "public").glob("app.*.css"))
    return "".join(f'<link href="/static/{name}">' for name in assets)


def rows() -> str:
    with sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite:///"), timeout=5) as db:
        return str(db.execute("select count(*) from passages").fetchone()[0])


async def answer(path: str) -> tuple[int, str]:
    path, _, query = path.partition("?")
    if path == "/health":
        return BEHAVE.get("health", 200), "well"
    if path == "/slow":
        await asyncio.sleep(float(query.removeprefix("seconds=")))
    if path == "/rows":
        return 200, rows()
    if path == "/smoke":
        return 200, BEHAVE.get("smoke", '{"status": "ok"}')
    return 200, version() if path == "/version" else page()


def frame(opcode: int, data: bytes) -> bytes:
    return bytes([0x80 | opcode, len(data)]) + data


async def websocket(writer: asyncio.StreamWriter, key: str) -> None:
    accept = base64.b64encode(hashlib.sha1(key.encode() + MAGIC).digest()).decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    while not ENDED.is_set() and not writer.is_closing():
        writer.write(frame(1, version().encode()))
        await writer.drain()
        try:
            await asyncio.wait_for(ENDED.wait(), 0.5)
        except TimeoutError:
            continue
    writer.write(frame(8, (1001).to_bytes(2, "big")))
    await writer.drain()


async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    heads = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    if heads.get("upgrade", "").lower() == "websocket":
        await websocket(writer, heads["sec-websocket-key"])
        return False
    status, body = await answer(first.split()[1])
    data = body.encode()
    writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()
    return heads.get("connection", "").lower() != "close"


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    OPEN.add(writer)
    try:
        while await one(reader, writer):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        OPEN.discard(writer)
        writer.close()


async def hand_over(server: asyncio.Server) -> None:
    """Take no more connections, and answer those that were taken."""
    server.close()
    while OPEN:
        await asyncio.sleep(0.01)


async def main(address: str) -> None:
    if BEHAVE.get("crash"):
        sys.exit("no module named tides")
    if not BEHAVE.get("stubborn"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ENDED.set)
    await asyncio.sleep(10_000 if BEHAVE.get("hang") else BEHAVE.get("boot", 0))
    if address.isdigit():
        await asyncio.start_server(handle, "127.0.0.1", int(address))
    elif address.startswith("fd="):
        handed = socket.socket(fileno=int(address.removeprefix("fd=")))
        server = await asyncio.start_unix_server(handle, sock=handed, backlog=512)
        await ENDED.wait()
        await hand_over(server)
    else:
        await asyncio.start_unix_server(handle, address, backlog=512)
    await ENDED.wait()
    await asyncio.sleep(0.05)  # what is being written goes out


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
