"""Redis: a server for each check. It is ready in 40 ms."""

import socket
from pathlib import Path

from fairlead.drivers.services.kind import Share, found, said_version, serving
from fairlead.drivers.services.place import Place
from fairlead.drivers.services.process import Process

PACKAGE = "redis-server"
_SOCKET = "redis.sock"


class Redis:
    """The kind."""

    name = "redis"
    shared = False

    def version(self) -> str:
        """See ``Kind``."""
        return said_version(found("redis-server", PACKAGE))

    def start(self, place: Place, label: str) -> "RedisServer":
        """See ``Kind``. It keeps nothing on disk."""
        data, sockets = place.directory(label), place.sockets(f"{label}.s")
        door = sockets / _SOCKET
        settings = {"port": "0", "unixsocket": str(door), "unixsocketperm": "777",
                    "save": "", "appendonly": "no", "dir": str(data)}  # fmt: skip
        words = (word for key, value in settings.items() for word in (f"--{key}", value))
        argv = (found("redis-server", PACKAGE), *words)
        process = Process(place.runner, self.name, serving(argv, data, sockets))
        try:
            process.wait(lambda: _answers(door))
        except BaseException:
            process.stop()
            raise
        return RedisServer(process, door)


class RedisServer:
    """See ``Server``."""

    def __init__(self, process: Process, door: Path) -> None:
        self._door = door
        self.ended, self.stop = process.ended, process.stop

    def share(self, label: str) -> Share:
        """All of it."""
        return Share(self, {"REDIS_URL": f"unix://{self._door}?db=0"}, str(self._door.parent))


def _answers(door: Path) -> bool:
    """To PING (redis.io/docs/latest/develop/reference/protocol-spec: inline commands)."""
    try:
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(1)
            there.connect(str(door))
            there.sendall(b"PING\r\n")
            return there.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
