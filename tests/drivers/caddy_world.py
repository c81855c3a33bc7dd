"""A real Caddy with real copies behind it, for the tests of the proxy's driver."""

import http.client
import os
import shutil
import signal
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
from fairlead.base.errors import Unknown
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers._listen import free_listen
from fairlead.drivers.caddy.admin import Admin
from fairlead.drivers.caddy.process import caddy_argv, caddy_environment, prepare
from fairlead.drivers.caddy.proxy import Caddy

COPY = Path(__file__).with_name("copy_server.py")
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextmanager
def copy(name: str, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running copy that listens."""
    process = subprocess.Popen([sys.executable, COPY, name, address], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class CaddyWorld:
    """The contract's world with a Caddy of its own in a home of its own."""

    def __init__(self, root: Path, copies: Path) -> None:
        self.home = Home(root / "home")
        self.home.make()
        prepare(self.home)
        self.proxy = Caddy(self.home)
        self.admin = Admin(self.home.caddy_socket)
        self.log = root / "caddy.log"
        self._copies = copies
        self._listen: dict[Place, str] = {}
        self._open: list[socket.socket] = []
        self.start()

    def start(self) -> None:
        """Start Caddy and wait until it answers."""
        argv, environment = caddy_argv(self.home), caddy_environment(self.home)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
        until(self._answers)

    def kill(self) -> None:
        """Caddy dies on the spot."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """End Caddy and what is open."""
        for connection in self._open:
            connection.close()
        self.process.terminate()
        self.process.wait(10)

    def address(self, copy: int) -> str:
        return f"unix/{self._copies}/{copy}.sock"

    def listen(self, place: Place) -> str:
        if place not in self._listen:
            self._listen[place] = free_listen(self._listen.values())
        return self._listen[place]

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

    def send(self, request: bytes) -> socket.socket:
        """Begin a request and wait until it has reached a copy."""
        before = sum(self.proxy.in_flight(PLACE).values())
        host, _, port = self.listen(PLACE).partition(":")
        connection = socket.create_connection((host, int(port)), timeout=30)
        connection.sendall(request)
        self._open.append(connection)
        until(lambda: sum(self.proxy.in_flight(PLACE).values()) > before)
        return connection

    def open(self) -> None:
        self.send(UPGRADE)

    def close(self) -> None:
        while self._open:
            self._open.pop().close()
        until(lambda: not self.proxy.in_flight(PLACE))

    def meddle(self) -> None:
        live = self.home.proxy / PLACE.app / PLACE.environment / "web" / "live"
        for slot in range(100):
            (live / f"{slot:02}").unlink()
            (live / f"{slot:02}").write_text(self.address(2) + "\n")

    def rss(self) -> int:
        """Caddy's resident memory in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def _answers(self) -> bool:
        try:
            return bool(self.admin.get("/config/"))
        except Unknown:
            return False


@pytest.fixture(scope="session")
def copies() -> Iterator[Path]:
    """A directory in which copies 1 and 2 listen; a socket's path must be short."""
    directory = Path(tempfile.mkdtemp(prefix="fl-copies-"))
    with copy("1", f"unix/{directory}/1.sock"), copy("2", f"unix/{directory}/2.sock"):
        yield directory
    shutil.rmtree(directory)


@pytest.fixture
def world(copies: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CaddyWorld]:
    """A Caddy that serves nothing yet."""
    root = Path(tempfile.mkdtemp(prefix="fl-caddy-"))
    monkeypatch.setitem(os.environ, "XDG_RUNTIME_DIR", str(root))
    made = CaddyWorld(root, copies)
    yield made
    made.stop()
    shutil.rmtree(root)
