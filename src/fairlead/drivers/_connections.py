"""Connections as the kernel counts them: proc(5), /proc/net/unix and /proc/net/tcp.

Caddy counts a request under its address in a table it prunes, and may lose one there when
the last request ends as another begins; and it stops counting a request whose client went
away while the copy still works on it. nginx tells nobody whom its requests are with. Each
connection to a copy is one request, because no proxy of ours keeps one idle, so the
kernel's count is exact.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

UNIX = "unix/"
NET = Path("/proc/net")
UNIX_OPEN = ("02", "03")  # SS_CONNECTING (not accepted yet) and SS_CONNECTED, linux/net.h
TCP_OPEN = ("01", "08")  # TCP_ESTABLISHED and TCP_CLOSE_WAIT, linux/tcp_states.h


def connections(addresses: Collection[str]) -> Counter[str]:
    """Connections open with each address, at its own end; nothing where /proc does not say.

    The kernel tells its table in pieces, and a connection that ends in between may hide one
    that goes on; so it is asked twice, and the larger answer is the count.
    """
    return _once(addresses) | _once(addresses)


def _once(addresses: Collection[str]) -> Counter[str]:
    return _unix(addresses) + _tcp(addresses)


def _unix(addresses: Collection[str]) -> Counter[str]:
    fields = (line.split(maxsplit=7) for line in _lines("unix"))
    paths = (UNIX + f[7] for f in fields if len(f) == 8 and f[5] in UNIX_OPEN)
    return Counter(path for path in paths if path in addresses)


def _tcp(addresses: Collection[str]) -> Counter[str]:
    ports = {int(a.rpartition(":")[2]): a for a in addresses if not a.startswith(UNIX)}
    if not ports:
        return Counter()
    fields = (line.split() for name in ("tcp", "tcp6") for line in _lines(name))
    found = (int(f[1].rpartition(":")[2], 16) for f in fields if f[3] in TCP_OPEN)
    return Counter(ports[port] for port in found if port in ports)


def _lines(name: str) -> list[str]:
    try:
        return (NET / name).read_text(errors="surrogateescape").splitlines()[1:]
    except OSError:
        return []
