"""The port Http: one GET over a unix socket or to host:port (HTTP/1.1, RFC 9112).

The limit is over the whole exchange: a server that sends a byte now and then does not
stretch it. A body is read up to 1 MiB and no further.
"""

import http.client
import socket
import time

from fairlead.rollout.ports import HttpAnswer

BODY_LIMIT = 1024 * 1024  # bytes
UNIX = "unix/"


class HttpClient:
    """Asks a copy, or the proxy; keeps nothing open between two questions."""

    def get(self, address: str, path: str, limit: float, host: str = "localhost") -> HttpAnswer:
        """GET ``path`` within ``limit`` seconds; whatever goes wrong is an answer of status 0."""
        connection = _Connection(address, time.monotonic() + limit)
        try:
            connection.request("GET", path, headers={"Host": host, "Connection": "close"})
            answer = connection.getresponse()
            body = _body(answer)
        except TimeoutError:
            return HttpAnswer(0, detail=f"no answer within {limit:g} s")
        except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
            return HttpAnswer(0, detail=_reason(error))
        finally:
            connection.close()
        return _bounded(answer.status, body)


class _Connection(http.client.HTTPConnection):
    """An HTTP connection of which every wait ends at one moment."""

    def __init__(self, address: str, deadline: float) -> None:
        super().__init__("localhost")
        self._address = address
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to a path or a host and port. Raises OSError or ValueError."""
        self.sock = _Socket(self._deadline, *_target(self._address))


class _Socket(socket.socket):
    """A socket whose waits share one deadline."""

    def __init__(self, deadline: float, family: int, place: str | tuple[str, int]) -> None:
        super().__init__(family)
        self._deadline = deadline
        try:
            self._wait()
            self.connect(place)
        except BaseException:
            self.close()
            raise

    def sendall(self, data: object, flags: int = 0) -> None:
        """Send it all before the deadline."""
        self._wait()
        super().sendall(data, flags)  # type: ignore[arg-type]

    def recv_into(self, *args: object) -> int:
        """Receive before the deadline; what ``makefile`` reads through."""
        self._wait()
        return super().recv_into(*args)  # type: ignore[arg-type]

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)


def _target(address: str) -> tuple[int, str | tuple[str, int]]:
    if address.startswith(UNIX):
        return socket.AF_UNIX, address.removeprefix(UNIX)
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, (host.strip("[]"), int(port))


def _body(answer: http.client.HTTPResponse) -> bytes:
    """The body, one byte beyond the limit at most. Raises HTTPException when it ends early."""
    body = answer.read(BODY_LIMIT + 1)
    if answer.length and len(body) <= BODY_LIMIT:
        raise http.client.IncompleteRead(body, answer.length)
    return body


def _bounded(status: int, body: bytes) -> HttpAnswer:
    if len(body) <= BODY_LIMIT:
        return HttpAnswer(status, body)
    return HttpAnswer(status, body[:BODY_LIMIT], f"the body is cut off at {BODY_LIMIT} bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    return str(error) or type(error).__name__
