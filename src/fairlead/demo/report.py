"""What the traffic saw: samples as they come, and the report made of them.

Times are seconds since 1970 (``time.time``), latencies are milliseconds. A request's time is the
time it was *due*, and its latency counts from there: when a server stalls for two seconds, every
request due in those two seconds shows its part of the wait, not only the one that was out.
"""

import base64
import json
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

WORST = 10  # moments named in a report
FAILURES = 20  # failures named in a report; all are counted

ORDINARY, LONG = 0, 1  # kinds of sample: a long request says nothing about latency
FAILED, RETRIED, ASSET_404 = 1, 2, 4  # flags


@dataclass(frozen=True)
class Moment:
    """One request that took long. ``lag_ms`` of it passed before this tool sent it."""

    at: float
    ms: float
    path: str
    lag_ms: float


@dataclass(frozen=True)
class Failure:
    """One request that got no proper answer."""

    at: float
    what: str
    path: str


@dataclass(frozen=True)
class Close:
    """One WebSocket that ended; ``back_ms``: until the next was open, None if it never was."""

    at: float
    code: int
    reason: str
    back_ms: float | None = None


@dataclass(frozen=True)
class Snapshot:
    """The traffic at a moment, while it runs. ``recent``: the last two seconds."""

    at: float
    sent: int = 0
    failed: int = 0
    retried: int = 0
    in_flight: int = 0
    long_in_flight: int = 0
    asset_404: int = 0
    websocket_open: bool = False
    websocket_closes: int = 0
    max_ms: float = 0.0
    recent_rate: float = 0.0
    recent_p50_ms: float = 0.0
    recent_p99_ms: float = 0.0
    recent_max_ms: float = 0.0
    last_failure: str = ""


@dataclass(frozen=True)
class Samples:
    """Every request, in the order they ended. Columns, because there are many."""

    at: "array[float]" = field(default_factory=lambda: array("d"))
    ms: "array[float]" = field(default_factory=lambda: array("f"))
    lag_ms: "array[float]" = field(default_factory=lambda: array("f"))
    status: "array[int]" = field(default_factory=lambda: array("H"))  # 0: no answer
    path: "array[int]" = field(default_factory=lambda: array("H"))  # index into paths
    kind: "array[int]" = field(default_factory=lambda: array("B"))
    flags: "array[int]" = field(default_factory=lambda: array("B"))
    paths: list[str] = field(default_factory=list)

    COLUMNS = (("at", "d"), ("ms", "f"), ("lag_ms", "f"), ("status", "H"), ("path", "H"),
               ("kind", "B"), ("flags", "B"))  # fmt: skip

    def __len__(self) -> int:
        return len(self.at)

    def chosen(self, indices: Iterable[int]) -> "Samples":
        """The samples at these places."""
        places = list(indices)
        columns: dict[str, Any] = {
            name: array(code, [getattr(self, name)[place] for place in places])
            for name, code in self.COLUMNS
        }
        return Samples(**columns, paths=self.paths)

    def to_json(self) -> dict[str, Any]:
        """Columns as base64 of their machine form: 50,000 requests in 1.5 MB."""
        columns: dict[str, Any] = {
            name: base64.b64encode(getattr(self, name).tobytes()).decode()
            for name, _ in self.COLUMNS
        }
        return {**columns, "paths": self.paths}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Samples":
        """What ``to_json`` made, on the same machine."""
        columns: dict[str, Any] = {
            name: array(code, base64.b64decode(data[name])) for name, code in cls.COLUMNS
        }
        return cls(**columns, paths=list(data["paths"]))


@dataclass(frozen=True)
class Report:
    """What the traffic saw between two times.

    ``sent`` counts requests that ended: ordinary ones, pages and assets of the probe, long ones
    and WebSocket handshakes. ``failed`` of them: not connected, reset, no answer in time, 5xx, a
    short or nonsensical answer. ``retried``: answered only when asked a second time, because the
    server had closed the kept connection (see ``http1.fetch``); those are in ``failed`` only if
    the second request failed too. ``asset_404``: an asset of a page shown before is gone.
    ``max_ms``, ``p50_ms``, ``p99_ms``: of all but the long requests. ``lag_ms``: how late this
    tool itself sent a request at worst; latencies near it say more about the tool's machine than
    about the server. ``cut``: under way when the traffic was told to stop; neither sent nor failed.
    """

    begin: float
    end: float
    rate: float
    sent: int
    failed: int
    retried: int
    statuses: dict[int, int]
    max_ms: float
    p50_ms: float
    p99_ms: float
    lag_ms: float
    worst: tuple[Moment, ...]
    failures: tuple[Failure, ...]
    asset_404: int
    long_finished: int
    long_failed: int
    websocket_messages: int
    websocket_closes: tuple[Close, ...]
    cut: int
    samples: Samples = field(repr=False, compare=False)
    all_failures: tuple[Failure, ...] = field(default=(), repr=False, compare=False)

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.end - self.begin

    def between(self, t0: float, t1: float) -> "Report":
        """The same for the requests due from ``t0`` up to ``t1`` (seconds since 1970).

        ``cut`` and ``websocket_messages`` are not kept by time; they are 0 here.
        """
        places = (place for place, at in enumerate(self.samples.at) if t0 <= at < t1)
        return build(
            begin=max(t0, self.begin),
            end=min(t1, self.end),
            rate=self.rate,
            samples=self.samples.chosen(places),
            failures=[each for each in self.all_failures if t0 <= each.at < t1],
            closes=[each for each in self.websocket_closes if t0 <= each.at < t1],
        )

    def to_json(self, *, samples: bool = False) -> dict[str, Any]:
        """A plain object; with ``samples`` enough to make the whole report again."""
        data = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in {"samples", "all_failures"}
        }
        data["statuses"] = {str(status): count for status, count in self.statuses.items()}
        for name in ("worst", "failures", "websocket_closes"):
            data[name] = [asdict(each) for each in data[name]]
        if samples:
            data["samples"] = self.samples.to_json()
            data["all_failures"] = [asdict(each) for each in self.all_failures]
        return data

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """The report that ``to_json(samples=True)`` described."""
        data = json.loads(text)
        return build(
            begin=data["begin"],
            end=data["end"],
            rate=data["rate"],
            samples=Samples.from_json(data["samples"]),
            failures=[Failure(**each) for each in data["all_failures"]],
            closes=[Close(**each) for each in data["websocket_closes"]],
            messages=data["websocket_messages"],
            cut=data["cut"],
        )


def build(
    *,
    begin: float,
    end: float,
    rate: float,
    samples: Samples,
    failures: list[Failure],
    closes: list[Close],
    messages: int = 0,
    cut: int = 0,
) -> Report:
    """A report from what was noted."""
    count = len(samples)
    ordinary = [place for place in range(count) if samples.kind[place] == ORDINARY]
    ordinary.sort(key=samples.ms.__getitem__)
    slowest = list(reversed(ordinary[-WORST:]))
    flags = Counter(samples.flags)
    long_failed = sum(
        1 for place in range(count) if samples.kind[place] == LONG and samples.flags[place] & FAILED
    )
    statuses = Counter(samples.status)
    return Report(
        begin=begin,
        end=end,
        rate=rate,
        sent=count,
        failed=_flagged(flags, FAILED),
        retried=_flagged(flags, RETRIED),
        statuses={status: statuses[status] for status in sorted(statuses) if status},
        max_ms=round(samples.ms[slowest[0]], 3) if slowest else 0.0,
        p50_ms=_percentile(samples, ordinary, 0.50),
        p99_ms=_percentile(samples, ordinary, 0.99),
        lag_ms=round(max(samples.lag_ms, default=0.0), 3),
        worst=tuple(_moment(samples, place) for place in slowest),
        failures=tuple(failures[:FAILURES]),
        asset_404=_flagged(flags, ASSET_404),
        long_finished=count - len(ordinary) - long_failed,
        long_failed=long_failed,
        websocket_messages=messages,
        websocket_closes=tuple(closes),
        cut=cut,
        samples=samples,
        all_failures=tuple(failures),
    )


def percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile of values in order; 0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _percentile(samples: Samples, ordered: list[int], share: float) -> float:
    return round(percentile([samples.ms[place] for place in ordered], share), 3)


def _flagged(flags: Counter[int], flag: int) -> int:
    return sum(count for value, count in flags.items() if value & flag)


def _moment(samples: Samples, place: int) -> Moment:
    return Moment(
        at=samples.at[place],
        ms=round(samples.ms[place], 3),
        path=samples.paths[samples.path[place]],
        lag_ms=round(samples.lag_ms[place], 3),
    )
