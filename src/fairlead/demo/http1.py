"""The client side of one HTTP/1.1 connection, for the traffic generator.

Small and light on purpose: GET only, no redirects, no cookies, no TLS, loopback only. It knows
what a load generator must tell apart: an answer, an answer cut short, a connection that ended
before the first byte of an answer, and one that ended while it was idle (which is no failure).

Sources: RFC 9112 §6.3 (where a body ends), §9.3 (persistence), §9.3.1 (retrying requests).
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from fairlead.base.errors import UsageError

HEAD_LIMIT = 65_536  # bytes of header before an answer is called nonsense
BODY_LIMIT = 16 * 1024 * 1024  # bytes kept of a body that was asked to be kept


class Broken(Exception):
    """A request got no whole answer. ``untouched``: not one byte of it came."""

    def __init__(self, what: str, *, untouched: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.untouched = untouched


class RetryBroken(Broken):
    """The second request, on a new connection, failed too."""


@dataclass(frozen=True)
class Target:
    """Where requests go: an address of this machine, and what to call it."""

    address: str
    port: int
    host: str  # the Host header

    @classmethod
    def parse(cls, url: str, host: str = "") -> "Target":
        """The target of ``http://<loopback>[:port]``; ``host`` replaces the Host header.

        Raises UsageError for any other scheme or machine: this tool must never be able to
        load a host that is not its own.
        """
        parts = urlsplit(url)
        name = parts.hostname or ""
        address = "127.0.0.1" if name == "localhost" else name
        if parts.scheme != "http" or not _is_loopback(address):
            raise UsageError(
                f"traffic goes to this machine only: {url}",
                "give an http:// URL whose host is localhost, 127.0.0.1 or [::1]",
            )
        return cls(address, parts.port or 80, host or parts.netloc)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def get(target: Target, path: str, *, keep: bool) -> bytes:
    """The bytes of a GET request; without ``keep`` it asks the server to close afterwards."""
    connection = "" if keep else "Connection: close\r\n"
    return (
        f"GET {path} HTTP/1.1\r\nHost: {target.host}\r\nUser-Agent: fairlead-traffic\r\n"
        f"Accept: */*\r\n{connection}\r\n"
    ).encode("ascii")


@dataclass(frozen=True)
class Answer:
    """A whole answer. ``body`` is empty unless it was asked for; ``size`` counts it anyway."""

    status: int
    size: int
    body: bytes = b""


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.closed = False  # ended, by either side
        self.used = 0  # answers it brought so far
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser = _Parser(keep_body=False)

    def request(self, data: bytes, *, keep_body: bool = False) -> "asyncio.Future[Answer]":
        """Send a request; the future brings its Answer, or raises Broken."""
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.closed or self._transport is None or self._transport.is_closing():
            waiter.set_exception(Broken("closed before the request", untouched=True))
            return waiter
        self._parser = _Parser(keep_body=keep_body)
        self._waiter = waiter
        self._transport.write(data)
        return waiter

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on it."""
        return not self.closed and self._waiter is None and self._parser.persists

    def close(self) -> None:
        """End it now; a request under way is left without an answer."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes nobody asked for end the connection."""
        if self._waiter is None:
            self.close()
            return
        try:
            answer = self._parser.feed(data)
        except Broken as broken:
            self._fail(broken)
            self.close()
            return
        if answer is not None:
            self._finish(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """What was under way got all of its answer only if the end was its mark."""
        self.closed = True
        if self._waiter is None:
            return
        answer = self._parser.end() if exc is None else None
        if answer is not None:
            self._finish(answer)
        else:
            self._fail(self._parser.lost(exc))

    def _finish(self, answer: Answer) -> None:
        self.used += 1
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    def _fail(self, broken: Broken) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(broken)


class _Parser:
    """Bytes in, one Answer out."""

    def __init__(self, *, keep_body: bool) -> None:
        self.persists = True
        self._buffer = bytearray()
        self._body = bytearray() if keep_body else None
        self._touched = False
        self._in_head = True
        self._status = 0
        self._size = 0
        self._length: int | None = None  # of the whole body; None until known
        self._chunked = False
        self._chunk = 0  # bytes still to come of this chunk and its line end

    def feed(self, data: bytes) -> Answer | None:
        """The answer once it is whole. Raises Broken for what is not HTTP."""
        self._touched = True
        self._buffer += data
        while self._in_head:
            if not self._head():
                return None
        if self._chunked:
            return self._chunks()
        return self._plain()

    def end(self) -> Answer | None:
        """The connection ended in good order: whole only if nothing else marks the end."""
        if self._in_head or self._chunked or self._length is not None:
            return None
        return self._answer()

    def lost(self, exc: Exception | None) -> Broken:
        """What to say of an answer that the connection took with it."""
        how = "reset" if isinstance(exc, ConnectionResetError) else "closed"
        if exc is not None and how == "closed":
            how = f"lost ({exc})"
        if not self._touched:
            return Broken(f"{how} before an answer", untouched=True)
        if self._in_head:
            return Broken(f"{how} inside the header of an answer")
        of = f" of {self._length}" if self._length is not None else ""
        return Broken(f"{how} inside a body: short, {self._size}{of} bytes")

    def _head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise Broken(f"nonsense: a header over {HEAD_LIMIT} bytes")
            return False
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        version, status = self._status_line(lines[0])
        if status < 200 and status != 101:
            return True  # an interim answer; the real one follows
        self._in_head = False
        self._status = status
        self.persists = version != b"HTTP/1.0"
        for line in lines[1:]:
            self._header(line)
        if status in (204, 304):
            self._length, self._chunked = 0, False
        if self._length is None and not self._chunked:
            self.persists = False
        return True

    def _status_line(self, line: bytes) -> tuple[bytes, int]:
        parts = line.split(b" ", 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
            raise Broken(f"nonsense: {line[:60]!r}")
        return parts[0], int(parts[1])

    def _header(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name == b"content-length":
            if not value.strip().isdigit():
                raise Broken(f"nonsense: {line[:60]!r}")
            self._length = int(value)
        elif name == b"transfer-encoding":
            self._chunked = b"chunked" in value.lower()
            self._length = None
        elif name == b"connection":
            self.persists = b"close" not in value.lower()

    def _plain(self) -> Answer | None:
        self._take(len(self._buffer))
        if self._length is None or self._size < self._length:
            return None
        if self._size > self._length:
            raise Broken(f"nonsense: {self._size} bytes of a body of {self._length}")
        return self._answer()

    def _chunks(self) -> Answer | None:
        while True:
            if self._chunk:
                if not self._in_chunk():
                    return None
                continue
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return None
            size = self._chunk_size(bytes(self._buffer[:end]))
            if size == 0:
                return self._last_chunk(end)
            del self._buffer[: end + 2]
            self._chunk = size + 2

    def _in_chunk(self) -> bool:
        """Take what is there of a chunk; False when more must come first."""
        part = min(len(self._buffer), self._chunk - 2)
        if part > 0:
            self._take(part)
            self._chunk -= part
        if self._chunk > 2 or len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise Broken("nonsense: a chunk without its end")
        del self._buffer[:2]
        self._chunk = 0
        return True

    def _chunk_size(self, line: bytes) -> int:
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError:
            raise Broken(f"nonsense: a chunk of size {line[:20]!r}") from None

    def _last_chunk(self, end: int) -> Answer | None:
        # After the last chunk come trailers, if any, and an empty line.
        return self._answer() if b"\r\n\r\n" in self._buffer[end:] else None

    def _take(self, count: int) -> None:
        if self._body is not None and len(self._body) + count <= BODY_LIMIT:
            self._body += self._buffer[:count]
        del self._buffer[:count]
        self._size += count

    def _answer(self) -> Answer:
        return Answer(self._status, self._size, bytes(self._body or b""))


async def connect(target: Target) -> Connection:
    """A new connection. Raises Broken when there is none to be had."""
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(Connection, target.address, target.port)
    except ConnectionRefusedError:
        raise Broken("connection refused") from None
    except OSError as error:
        raise Broken(f"cannot connect: {error.strerror or error}") from None
    return connection


class Pool:
    """Connections kept open between requests, used in turn; at most ``size`` wait idle."""

    def __init__(self, target: Target, size: int) -> None:
        self._target = target
        self._size = size
        self._idle: deque[Connection] = deque()

    async def take(self, *, fresh: bool = False) -> Connection:
        """The connection that has waited longest, or a new one."""
        while self._idle and not fresh:
            connection = self._idle.popleft()
            if connection.reusable:
                return connection
        return await connect(self._target)

    def give(self, connection: Connection, *, keep: bool = True) -> None:
        """Take it back after an answer; one that cannot serve again is closed."""
        if keep and connection.reusable and len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """End all that are idle."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()


@dataclass(frozen=True)
class Fetched:
    """An answer, and whether it took a second request to get it."""

    answer: Answer
    retried: bool


async def fetch(
    target: Target, pool: Pool, path: str, *, fresh: bool = False, keep_body: bool = False
) -> Fetched:
    """GET ``path``. Raises Broken.

    A server may close a connection it finds idle just as a request sets out on it. The client
    cannot have known; RFC 9112 §9.3.1 lets it ask again, once, on a new connection. That is
    done only when the connection had been used before and not one byte of an answer came.
    """
    connection = await pool.take(fresh=fresh)
    try:
        answer = await connection.request(get(target, path, keep=not fresh), keep_body=keep_body)
    except Broken as broken:
        if not (broken.untouched and connection.used):
            raise
    except asyncio.CancelledError:
        connection.close()  # its answer may still come, and must not meet the next request
        raise
    else:
        pool.give(connection, keep=not fresh)
        return Fetched(answer, retried=False)
    try:
        return Fetched(await _again(target, pool, path, keep_body=keep_body), retried=True)
    except Broken as broken:
        raise RetryBroken(broken.what) from None


async def _again(target: Target, pool: Pool, path: str, *, keep_body: bool) -> Answer:
    connection = await connect(target)
    try:
        answer = await connection.request(get(target, path, keep=True), keep_body=keep_body)
    except asyncio.CancelledError:
        connection.close()
        raise
    pool.give(connection)
    return answer
