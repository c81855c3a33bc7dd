"""A small real HTTP server for tests: `python copy_server.py NAME ADDRESS`.

Answers its NAME; /echo adds the request's head, /slow/S waits S seconds, /stream/S sends a byte
ten times in each of S seconds, /begun/S sends one and waits S seconds, /status/N answers N, an
upgrade becomes an echo. Prints "ready" once it listens; ends at SIGTERM.
It keeps connections alive when it may, like uvicorn and node do.
"""

import asyncio
import base64
import hashlib
import signal
import sys

WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def headers_of(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {key.lower(): value.strip() for key, _, value in pairs}


def answer(status: int, body: bytes) -> bytes:
    head = (
        f'HTTP/1.1 {status} -\r\nServer: copy/1\r\nETag: "e"\r\nContent-Length: {len(body)}\r\n\r\n'
    )
    return head.encode() + body


async def stream(writer: asyncio.StreamWriter, pauses: list[float]) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for pause in pauses:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(pause)
    writer.write(b"0\r\n\r\n")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
    accept = base64.b64encode(hashlib.sha1(key.encode() + WEBSOCKET).digest()).decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    while data := await reader.read(4096):
        writer.write(data)


async def one(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; whether another may follow."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    path, sent = first.split()[1], headers_of(lines)
    await reader.readexactly(int(sent.get("content-length", 0)))
    if sent.get("upgrade") == "websocket":
        await echo(reader, writer, sent["sec-websocket-key"])
        return False
    word, _, number = path.strip("/").partition("/")
    if word in ("stream", "begun"):
        await stream(writer, [0.1] * (10 * int(number)) if word == "stream" else [float(number)])
        return True
    if word == "slow":
        await asyncio.sleep(float(number))
    body = f"{name}\n{head}" if path == "/echo" else name
    writer.write(answer(int(number) if word == "status" else 200, body.encode()))
    return sent.get("connection") != "close"


async def serve(name: str, address: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await one(name, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    if address.startswith("unix/"):
        await asyncio.start_unix_server(handle, address.removeprefix("unix/"), backlog=512)
    else:
        host, port = address.split(":")
        await asyncio.start_server(handle, host, int(port))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print("ready", flush=True)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
