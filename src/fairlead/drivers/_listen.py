"""Addresses to listen on: a free one, picked once and then kept by whoever asked.

Shared by drivers. Only asking is not enough before Caddy gets an address: it listens with
SO_REUSEPORT (socket(7)), so two of one user's Caddies would share a port and its users.
"""

import socket
from collections.abc import Collection

from fairlead.base.errors import Refused
from fairlead.rollout.ports import Site

FIRST, LAST = 8000, 8999  # below the ports the kernel hands out to clients (32768-60999)


def free_listen(
    taken: Collection[str] = (), host: str = "127.0.0.1", first: int = FIRST, last: int = LAST
) -> str:
    """The first ``host:port`` from 8000 that nobody listens on and that is not in ``taken``.

    Raises Refused when all are in use.
    """
    for port in range(first, last + 1):
        if f"{host}:{port}" not in taken and not refusal(f"{host}:{port}"):
            return f"{host}:{port}"
    raise Refused(f"no free port from {first} to {last} on {host}", "set `listen` in fairlead.toml")


def claims(site: Site) -> tuple[tuple[str, frozenset[str]], ...]:
    """Each address that a site is asked at, with the names it answers to there; none for all."""
    names = frozenset(site.names)
    found = [(site.listen, names)]
    if site.tls and site.tls.plain:
        found.append((site.tls.plain, names))
    if site.own:
        found.append((site.own, frozenset()))
    return tuple(found)


def collide(one: Site, other: Site) -> str:
    """What two sites both want: a name, or else an address; "" when they want nothing in common."""
    for address, names in claims(one):
        for theirs, others in claims(other):
            if address == theirs and not (names and others and names.isdisjoint(others)):
                return min(names & others, default=address)
    return ""


def refusal(address: str) -> str:
    """Why nobody can listen on ``host:port``; "" when somebody can.

    Connections that linger from an earlier listener are no hindrance.
    """
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
            probe.listen(1)
        except (OSError, ValueError, OverflowError) as error:
            return getattr(error, "strerror", None) or str(error)
    return ""
