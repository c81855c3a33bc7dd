"""What is asked of a server: a Load, its bounds, and the same as arguments of the command."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypedDict

from fairlead.base.errors import UsageError
from fairlead.demo.http1 import Target

MAX_RATE = 5_000.0  # requests a second
MAX_SECONDS = 6 * 3600.0
MAX_REQUESTS = 5_000_000


class Options(TypedDict, total=False):
    """The optional parts of a Load; see there."""

    paths: Sequence[str | tuple[str, int]]
    seconds: float
    requests: int
    timeout: float
    connections: int
    fresh: float
    in_flight: int
    long: str
    long_timeout: float
    websocket: str
    assets: str
    assets_every: float
    assets_for: float
    host: str
    seed: int


@dataclass(frozen=True)
class Load:
    """What is asked of a server. Raises UsageError for what is out of bounds."""

    url: str
    rate: float  # ordinary requests a second
    paths: Sequence[str | tuple[str, int]] = ("/",)  # or with weights: (("/", 3), ("/api", 1))
    seconds: float = 600.0  # stops by itself after this long
    requests: int = MAX_REQUESTS  # or after this many ordinary requests
    timeout: float = 5.0  # seconds from when a request was due; then it failed
    connections: int = 16  # kept alive between requests
    fresh: float = 0.1  # share of requests on a connection of their own, closed afterwards
    in_flight: int = 512  # more than these wait, and their time counts
    long: str = ""  # a path that answers slowly; one such request is always under way
    long_timeout: float = 60.0
    websocket: str = ""  # a path; one WebSocket is kept open, and opened again when it ends
    assets: str = ""  # a page; the assets of the ones loaded before are asked for again
    assets_every: float = 0.5  # seconds between two loads of that page
    assets_for: float = 30.0  # seconds for which a page once loaded may want its assets
    host: str = ""  # the Host header, where it is not the URL's
    seed: int = 1

    def __post_init__(self) -> None:
        _bounds("rate", self.rate, 0.01, MAX_RATE)
        _bounds("seconds", self.seconds, 0.01, MAX_SECONDS)
        _bounds("requests", self.requests, 1, MAX_REQUESTS)
        _bounds("timeout", self.timeout, 0.01, 600)
        _bounds("connections", self.connections, 0, 1_000)
        _bounds("fresh", self.fresh, 0, 1)
        _bounds("in_flight", self.in_flight, 1, 10_000)
        _bounds("assets_every", self.assets_every, 0.05, 600)
        for path in (
            *(path for path, _ in self.weighted()),
            self.long,
            self.websocket,
            self.assets,
        ):
            _check_path(path)
        self.target()

    def target(self) -> Target:
        """Where it goes. Raises UsageError for another machine."""
        return Target.parse(self.url, self.host)

    def weighted(self) -> list[tuple[str, int]]:
        """Every ordinary path with its weight."""
        return [(each, 1) if isinstance(each, str) else each for each in self.paths]


def _bounds(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"traffic: {name}: expected {low:g} to {high:g}, got {value:g}")


def _check_path(path: str) -> None:
    if path and (
        not path.startswith("/") or not path.isascii() or re.search(r"[\s\x00-\x1f]", path)
    ):
        raise UsageError(f"traffic: expected a path such as /health?x=1, got {path!r}")


def argv(load: Load) -> list[str]:
    """The arguments that make the same load again."""
    argv = [f"--path={weight}:{path}" for path, weight in load.weighted()]
    for each in fields(Load):
        if each.name != "paths":
            argv.append(f"--{each.name.replace('_', '-')}={getattr(load, each.name)}")
    return argv
