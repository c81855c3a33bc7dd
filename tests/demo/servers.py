"""Small real servers on loopback that misbehave in exactly one way."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

Answer = Callable[["Exchange"], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Exchange:
    """One request as the server sees it: which of which connection, and the way back."""

    def __init__(
        self,
        server: "Server",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: int,
        number: int,
        head: str,
    ) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.connection = connection  # 1 for the first connection
        self.number = number  # 1 for the first request on it
        self.head = head
        self.path = head.split(" ", 2)[1]

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def page(self, body: str) -> None:
        data = body.encode()
        self.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)

    def close(self) -> None:
        self.writer.close()


class Server:
    """Answers with `answer`, in a thread of its own; `url` once entered."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.connections = 0
        self.requests = 0
        self.loop: asyncio.AbstractEventLoop
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self) -> "Server":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._done.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        # A short backlog drops connections while the server stands still, and they come again
        # only a second later: that is the kernel's stall, not the one under test.
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._ready.set()
        await self._done.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection, number = self.connections, 0
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                number += 1
                self.requests += 1
                await self.answer(Exchange(self, reader, writer, connection, number, head))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the server ends
        finally:
            writer.close()


async def ok(exchange: Exchange) -> None:
    """Always right."""
    exchange.send(OK)
