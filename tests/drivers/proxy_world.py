"""What a test of any real proxy has: copies behind it, and users who send requests."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contracts.proxy import PLACE, until
from fairlead.base.ids import Place
from fairlead.drivers._listen import free_listen
from fairlead.rollout.ports import Proxy

COPY = Path(__file__).with_name("copy_server.py")
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextmanager
def copy(name: str, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running copy that listens, for any user of the machine where that is a socket."""
    process = subprocess.Popen([sys.executable, COPY, name, address], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        if address.startswith("unix/"):
            Path(address.removeprefix("unix/")).chmod(0o777)
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class Users:
    """The contract's world but for the proxy, and what happens to that."""

    proxy: Proxy
    software: str | None = None  # what an answer says gave it

    def __init__(self, copies: Path) -> None:
        self._copies = copies
        self._listen: dict[Place, str] = {}
        self._free: list[str] = []
        self._open: list[socket.socket] = []

    def start(self) -> None:
        """Start the proxy and wait until it answers."""
        raise NotImplementedError

    def kill(self) -> None:
        """It dies on the spot."""
        raise NotImplementedError

    def role(self) -> Path:
        """The directory of its switch for role web of PLACE."""
        raise NotImplementedError

    def rss(self) -> int:
        """Its resident memory in KiB."""
        raise NotImplementedError

    def address(self, copy: int) -> str:
        return f"unix/{self._copies}/{copy}.sock"

    def listen(self, place: Place) -> str:
        if place not in self._listen:
            self._listen[place] = self.free()
        return self._listen[place]

    def free(self) -> str:
        """An address nobody has, not where another run of these tests looks at the same moment."""
        self._free.append(free_listen(self._free, first=8000 + os.getpid() % 40 * 20))
        return self._free[-1]

    def get(
        self, path: str = "/", headers: dict[str, str] | None = None, method: str = "GET"
    ) -> tuple[int, dict[str, str], str]:
        """One request of a user on a connection of its own."""
        connection = http.client.HTTPConnection(self.listen(PLACE), timeout=30)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def ask(self, times: int = 1) -> Counter[str]:
        answers = (self.get() for _ in range(times))
        return Counter(body if status == 200 else "" for status, _, body in answers)

    def connect(self) -> socket.socket:
        """A user's connection."""
        host, _, port = self.listen(PLACE).partition(":")
        return socket.create_connection((host, int(port)), timeout=30)

    def send(self, request: bytes) -> socket.socket:
        """Begin a request and wait until it has reached a copy."""
        before = sum(self.proxy.in_flight(PLACE).values())
        connection = self.connect()
        connection.sendall(request)
        self._open.append(connection)
        until(lambda: sum(self.proxy.in_flight(PLACE).values()) > before)
        return connection

    def open(self) -> None:
        self.send(UPGRADE)

    def close(self) -> None:
        self.hang_up()
        until(lambda: not self.proxy.in_flight(PLACE))

    def hang_up(self) -> None:
        """End what is open."""
        while self._open:
            self._open.pop().close()


@pytest.fixture(scope="session")
def copies() -> Iterator[Path]:
    """A directory in which copies 1 and 2 listen; a socket's path must be short."""
    directory = Path(tempfile.mkdtemp(prefix="fl-copies-"))
    directory.chmod(0o755)
    with copy("1", f"unix/{directory}/1.sock"), copy("2", f"unix/{directory}/2.sock"):
        yield directory
    shutil.rmtree(directory)
