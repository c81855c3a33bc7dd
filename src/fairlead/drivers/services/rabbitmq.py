"""RabbitMQ: a broker for each check. It needs about 6 s, most of it for Erlang.

AMQP 0-9-1 is spoken over TCP only, so it listens on the machine's loopback: a check that has no
network cannot reach it.
"""

import socket
from pathlib import Path

from fairlead.base.errors import Unknown
from fairlead.drivers.services.kind import Share, found, serving
from fairlead.drivers.services.place import Place
from fairlead.drivers.services.process import Process

PACKAGE = "rabbitmq-server"
DEBIAN = Path("/usr/lib/rabbitmq/lib")
"""What lies in /usr/sbin wants to be root, or the user rabbitmq."""
_LOOPBACK = "127.0.0.1"
_HELLO = b"AMQP\x00\x00\x09\x01"  # AMQP 0-9-1, 4.2.2
_ONLY_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


class RabbitMQ:
    """The kind."""

    name = "rabbitmq"
    shared = False

    def version(self) -> str:
        """See ``Kind``."""
        return _program().parent.parent.name.rpartition("-")[2]

    def start(self, place: Place, label: str) -> "RabbitServer":
        """See ``Kind``."""
        program, data = _program(), place.directory(label)
        port, names, peers = _free_ports(3)
        settings = (f"listeners.tcp.1 = {_LOOPBACK}:{port}", "log.console = true",
                    "log.console.level = critical", "log.file = false")  # fmt: skip
        (data / "rabbitmq.conf").write_text("\n".join(settings) + "\n")
        (data / "enabled_plugins").write_text("[].\n")
        own = {
            "RABBITMQ_NODENAME": f"check{port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(data / "log"),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(data / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(peers),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ONLY_LOOPBACK,
            "ERL_EPMD_ADDRESS": _LOOPBACK,
            "ERL_EPMD_PORT": str(names),
        }
        command = serving((str(program),), data, network=True, more=own)
        process = Process(place.runner, self.name, command)
        try:
            process.wait(lambda: _answers(port))
        except BaseException:
            process.stop()
            raise
        return RabbitServer(process, port)


class RabbitServer:
    """See ``Server``."""

    def __init__(self, process: Process, port: int) -> None:
        self._port = port
        self.ended, self.stop = process.ended, process.stop

    def share(self, label: str) -> Share:
        """All of it. "guest" may come from loopback only (rabbitmq.com/docs/access-control)."""
        url = f"amqp://guest:guest@{_LOOPBACK}:{self._port}/%2F"
        return Share(self, {"AMQP_URL": url})


def _program() -> Path:
    for place in sorted(DEBIAN.glob("rabbitmq_server-*"), reverse=True):
        return Path(found("rabbitmq-server", PACKAGE, (str(place / "sbin"),)))
    raise Unknown("rabbitmq-server is not on this machine", f"apt install {PACKAGE}")


def _free_ports(number: int) -> list[int]:
    doors = [socket.create_server((_LOOPBACK, 0)) for _ in range(number)]
    ports = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return ports


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_LOOPBACK, port), 1) as there:
            there.sendall(_HELLO)
            return there.recv(1) == b"\x01"  # a method frame: Connection.Start
    except OSError:
        return False
