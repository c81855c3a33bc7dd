"""Open-loop users: requests begin on time, whether or not earlier ones were answered.

Half of the connections are kept open between requests and half are fresh each time. A kept
connection that the server closed is not forgiven: the request on it is a failure. Users who
``look`` use none that they see to be closed, as browsers do; one that closes right then is no
more forgiven.
"""

import asyncio
import itertools
import ssl
import threading
import time
from collections import Counter
from types import TracebackType

KEPT = 10  # connections


class Traffic:
    """Traffic to one address from `__enter__` to `__exit__`."""

    def __init__(
        self,
        address: str,
        rate: int,
        host: str = "x",
        secure: ssl.SSLContext | None = None,
        look: bool = False,
    ) -> None:
        ip, _, port = address.partition(":")
        self._place = ip, int(port)
        self._rate = rate
        self._host = host
        self._tls = {"ssl": secure, "server_hostname": host} if secure else {}
        self._look = look
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.answered = 0
        self.worst = 0.0
        self.failures: list[str] = []
        self.by_copy: Counter[str] = Counter()

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(30)

    def wait_for(self, requests: int, limit: float = 20.0) -> None:
        """Until so many more were answered or failed."""
        goal, deadline = self.answered + len(self.failures) + requests, time.monotonic() + limit
        while self.answered + len(self.failures) < goal:
            assert time.monotonic() < deadline, "the traffic stands still"
            time.sleep(0.005)

    async def _run(self) -> None:
        idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        under_way: set[asyncio.Task[None]] = set()
        start = time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, start + number / self._rate - time.monotonic()))
            if self._ended.is_set():
                break
            task = asyncio.create_task(self._one(idle if number % 2 else None))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        for _, writer in idle:
            _hang_up(writer)

    async def _one(
        self, idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] | None
    ) -> None:
        begun = time.monotonic()
        while self._look and idle and idle[0][0].at_eof():
            _hang_up(idle.pop(0)[1])
        kind = "kept" if idle else "fresh"
        try:
            reader, writer = (
                idle.pop(0) if idle else await asyncio.open_connection(*self._place, **self._tls)
            )
            writer.write(f"GET / HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
            status, body, close = await self._answer(reader)
            self._note(status, body, time.monotonic() - begun)
            if idle is not None and not close and len(idle) < KEPT:
                idle.append((reader, writer))
            else:
                _hang_up(writer)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.failures.append(f"{kind}: {error!r}")

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, str, bool]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        body = await reader.readexactly(length)
        return head.split()[1], body.decode(), "connection: close" in head

    def _note(self, status: str, body: str, seconds: float) -> None:
        self.worst = max(self.worst, seconds)
        if status == "200":
            self.answered += 1
            self.by_copy[body] += 1
        else:
            self.failures.append(status)


def _hang_up(writer: asyncio.StreamWriter) -> None:
    """At once: a TLS connection that is closed politely outlives the loop that waits for it."""
    if writer.get_extra_info("ssl_object"):
        writer.transport.abort()
    else:
        writer.close()
