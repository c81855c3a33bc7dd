"""The ``Services`` of this machine."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from fairlead.base.errors import Unknown
from fairlead.checks.ports import Runner
from fairlead.drivers.services.kind import Kind, Server, Share
from fairlead.drivers.services.mariadb import MariaDB
from fairlead.drivers.services.place import Place, opened
from fairlead.drivers.services.postgres import Postgres
from fairlead.drivers.services.rabbitmq import RabbitMQ
from fairlead.drivers.services.redis import Redis

KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (Postgres(), MariaDB(), Redis(), RabbitMQ())
}
"""By their names. Of two that set the same variable, the first one's is taken."""


class LocalServices:
    """Starts services by ``runner``, whose user and cell they have then. In ``cache`` lies what
    is prepared once for a version (what ``initdb`` makes)."""

    def __init__(self, runner: Runner, cache: Path) -> None:
        self._runner = runner
        self._cache = cache

    def versions(self, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """See ``fairlead.checks.ports.Services``."""
        return tuple((name, _version(name)) for name in names)

    @contextmanager
    def open(self, room: Path) -> Iterator["Running"]:
        """See ``fairlead.checks.ports.Services``."""
        with opened(self._runner, room, self._cache) as place:
            running = Running(place)
            try:
                yield running
            finally:
                running.stop()


def _version(name: str) -> str:
    kind = KINDS.get(name)
    try:
        return kind.version() if kind else ""
    except Unknown:
        return ""


class Running:
    """See ``fairlead.checks.ports.RunningServices``."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._shared: dict[str, Server] = {}
        self._locks = {name: threading.Lock() for name in KINDS}
        self._numbers = count(1)

    @contextmanager
    def give(self, names: tuple[str, ...], check: str) -> Iterator["Lending"]:
        """See ``fairlead.checks.ports.RunningServices``."""
        with ExitStack() as stack:
            shares = []
            for name in sorted(set(names), key=[*KINDS, *names].index):
                try:
                    server = self._server(name, stack)
                    shares.append(server.share(f"{check}-{next(self._numbers)}"))
                except OSError as error:  # a disk that is full, a cache that cannot be written
                    why = f"{name} could not be started: {error}"
                    raise Unknown(why, f"look at the disk, and at {self._place.cache}") from None
            yield Lending(shares)

    def _server(self, name: str, stack: ExitStack) -> Server:
        """The one that all share, or one for the time of the check alone."""
        kind = KINDS.get(name)
        if kind is None:
            raise Unknown(f"no such service: {name}", f"known: {', '.join(sorted(KINDS))}")
        if not kind.shared:
            server = kind.start(self._place, f"{name}-{next(self._numbers)}")
            stack.callback(server.stop)
            return server
        with self._locks[name]:
            there = self._shared.get(name)
            if there is None or there.ended():
                # A new one when it was killed: only the check it died under does not know.
                number = "" if there is None else f"-{next(self._numbers)}"
                there = self._shared[name] = kind.start(self._place, name + number)
        return there

    def stop(self) -> None:
        """End what all share."""
        for server in self._shared.values():
            server.stop()


class Lending:
    """See ``fairlead.checks.ports.Lent``."""

    def __init__(self, shares: list[Share]) -> None:
        self._shares = shares

    @property
    def variables(self) -> Mapping[str, str]:
        """See ``fairlead.checks.ports.Lent``."""
        found: dict[str, str] = {}
        for share in self._shares:
            found = {**share.variables, **found}
        return found

    @property
    def reads(self) -> tuple[str, ...]:
        """See ``fairlead.checks.ports.Lent``."""
        return tuple(share.sockets for share in self._shares if share.sockets)

    @property
    def network(self) -> bool:
        """See ``fairlead.checks.ports.Lent``."""
        return not all(share.sockets for share in self._shares)

    def ended(self) -> str:
        """See ``fairlead.checks.ports.Lent``."""
        return "; ".join(filter(None, (share.server.ended() for share in self._shares)))
