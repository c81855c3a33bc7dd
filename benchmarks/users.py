"""The users: the same load for everybody, and a watcher that sees the first new answer."""

import http.client
import threading
import time
from types import TracebackType
from typing import Self

from benchmarks.clone import HEADER
from fairlead.demo.report import ORDINARY, Report
from fairlead.demo.runners import TrafficProcess

LONG = 10.0
"""Seconds that the slow request takes; one is always in flight."""

PATHS = (
    ("/api/stations", 3),
    ("/api/version", 1),
    ("/", 1),
    ("/api/stations/castle-quay/forecast", 1),
)


def users(address: str, rate: float, long: float = LONG) -> TrafficProcess:
    """Open-loop requests on kept connections (a tenth on fresh ones), pages and their assets
    for 30 s, one WebSocket, and one request of ``long`` seconds, always; with 0 none."""
    return TrafficProcess(
        f"http://{address}",
        rate,
        paths=PATHS,
        seconds=3600.0,
        long=f"/slow?seconds={LONG:g}" if long else "",
        websocket="/ws/levels",
        assets="/",
    )


class Watcher:
    """Asks for the build that answers, on one kept connection, until it is the one awaited.

    It adds ``1 / every`` requests a second to the load, and is right to within ``every``
    seconds. ``at`` is when (seconds since 1970) that answer came; 0 while it has not.
    """

    def __init__(self, address: str, build: int, every: float = 0.01) -> None:
        self._address = address
        self._build = str(build)
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.at = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def wait(self, limit: float) -> float:
        """When that answer came; 0 when it did not within ``limit`` seconds."""
        self._thread.join(limit)
        return self.at

    def _watch(self) -> None:
        line = http.client.HTTPConnection(self._address, timeout=5)
        due = time.monotonic()
        while not self._ended.is_set():
            if _build(line) == self._build:
                self.at = time.time()
                break
            due = max(due + self._every, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
        line.close()


def _build(line: http.client.HTTPConnection) -> str:
    try:
        line.request("GET", "/api/version")
        answer = line.getresponse()
        answer.read()
        return answer.getheader(HEADER, "") if answer.status == 200 else ""
    except (OSError, http.client.HTTPException):
        line.close()  # the next request opens it again
        return ""


def build_at(address: str) -> str:
    """The build that answers now; "" when none does."""
    line = http.client.HTTPConnection(address, timeout=5)
    try:
        return _build(line)
    finally:
        line.close()


def await_build(address: str, build: int, limit: float) -> float:
    """Wait until that build answers. Raises RuntimeError past ``limit`` seconds."""
    with Watcher(address, build, 0.02) as watcher:
        at = watcher.wait(limit)
    if not at:
        raise RuntimeError(f"build {build} does not answer at {address} after {limit:.0f} s")
    return at


def sustained(address: str, rates: tuple[float, ...], seconds: float) -> dict[str, float]:
    """The p99 in ms of each rate with nothing deploying, until one is more than it can take
    (a failure, or a p99 above 50 ms, twice; then it is negative)."""
    time.sleep(3)  # what was just deployed comes to rest
    found: dict[str, float] = {}
    for rate in rates:
        found[f"{rate:g}"] = p99 = max(_tried(address, rate, seconds) for _ in range(2))
        if p99 < 0:
            break
    return found


def _tried(address: str, rate: float, seconds: float) -> float:
    """The p99 in ms at a rate; negative where it was too much."""
    with TrafficProcess(f"http://{address}", rate, paths=PATHS, seconds=60.0) as traffic:
        time.sleep(seconds)
        report = traffic.stop()
    return -report.p99_ms if report.failed or report.p99_ms > 50.0 else report.p99_ms


def best(found: dict[str, float]) -> float:
    """The highest rate that was taken well."""
    return max((float(rate) for rate, p99 in found.items() if p99 >= 0), default=0.0)


def saw(report: Report, begin: float, end: float) -> dict[str, float | int]:
    """What users saw of the requests that were due from ``begin`` to ``end``.

    ``sent_max_ms`` is the worst from when a request was sent: ``max_ms`` without the time by
    which the generator itself, on the same busy machine, sent it late.
    """
    part = report.between(begin, end)
    samples = part.samples
    sent = (
        ms - lag
        for ms, lag, kind in zip(samples.ms, samples.lag_ms, samples.kind, strict=True)
        if kind == ORDINARY
    )
    return {
        "requests": part.sent,
        "failed": part.failed,
        "asset_404": part.asset_404,
        "max_ms": round(part.max_ms, 1),
        "sent_max_ms": round(max(sent, default=0.0), 1),
        "p99_ms": round(part.p99_ms, 1),
        "websocket_closes": len(part.websocket_closes),
    }
