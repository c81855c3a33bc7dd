"""The generator itself: requests go out when they are due, whatever the server does."""

import asyncio
import contextlib
import re
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from itertools import cycle
from random import Random
from typing import Any, Unpack

from fairlead.base.errors import UsageError
from fairlead.demo import report, websocket
from fairlead.demo.http1 import Answer, Broken, Fetched, Pool, RetryBroken, fetch
from fairlead.demo.load import Load, Options
from fairlead.demo.report import Close, Failure, Report, Samples, Snapshot

FAILURES_KEPT = 10_000  # all are counted, this many described
RECENT = 2.0  # seconds a snapshot calls recent
SNAPSHOT_EVERY = 0.1  # seconds

# What a hashed asset looks like in a page: name.0123abcd.css (Django, Rails), name-0123abcd.js.
ASSET = re.compile(r"""(?:href|src)=["'](/[^"'?#\s]*[.-][0-9A-Za-z_-]{8,40}\.[a-z0-9]{2,5})["']""")


class Traffic:
    """One run of a load. All of it happens in the event loop that awaits ``run``."""

    def __init__(self, url: str, rate: float, **options: Unpack[Options]) -> None:
        self.load = Load(url, rate, **options)
        self.snapshot = Snapshot(at=time.time())
        self._target = self.load.target()
        self._pool = Pool(self._target, self.load.connections)
        self._samples = Samples()
        self._path_index: dict[str, int] = {}
        self._failures: list[Failure] = []
        self._counts = _Counts()
        self._recent: deque[tuple[float, float]] = deque()  # when it ended, latency in ms
        self._closes: list[Close] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(self.load.in_flight)
        self._stop = asyncio.Event()
        self._wait_long = False
        self._offset = 0.0  # from the loop's clock to seconds since 1970

    # -- from outside

    async def run(self) -> Report:
        """Send until ``stop``, the stated seconds or the stated number of requests."""
        loop = asyncio.get_running_loop()
        self._offset = time.time() - loop.time()
        begin = loop.time()
        beside = [loop.create_task(each) for each in self._beside()]
        limit = loop.call_later(self.load.seconds, self._stop.set)
        try:
            await self._send(begin)
            end = loop.time()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=self.load.timeout + 1)
            cut = await self._finish(beside)
        finally:
            limit.cancel()
            for task in (*beside, *self._under_way):
                task.cancel()
            self._pool.close()
        self._publish()
        return self._report(begin, end, cut)

    def stop(self, *, wait_long: bool = False) -> None:
        """Send no more; ``run`` returns when what is under way has ended.

        A long request under way is cut (``Report.cut``), or waited for with ``wait_long``.
        """
        self._wait_long = wait_long
        self._stop.set()

    # -- the ordinary requests

    async def _send(self, begin: float) -> None:
        """Start each request when it is due, in however many a wake-up finds due."""
        loop = asyncio.get_running_loop()
        paths = cycle(_mixed(self.load.weighted(), self.load.seed))
        fresh_owed = 0.0
        for number in range(self.load.requests):
            due = begin + number / self.load.rate
            while (wait := due - loop.time()) > 0 and not self._stop.is_set():
                await asyncio.sleep(min(wait, 0.2))
            if self._stop.is_set():
                return
            fresh_owed += self.load.fresh
            fresh = fresh_owed >= 1
            fresh_owed -= fresh
            task = loop.create_task(self._one(next(paths), due, fresh=fresh))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _one(self, path: str, due: float, *, fresh: bool) -> None:
        sent = due
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(due + self.load.timeout):
                async with self._room:
                    sent = loop.time()
                    fetched = await fetch(self._target, self._pool, path, fresh=fresh)
        except TimeoutError:
            self._note(path, due, sent, broken=Broken(f"no answer in {self.load.timeout:g} s"))
        except Broken as broken:
            self._note(path, due, sent, broken=broken)
        else:
            self._note(path, due, sent, fetched)

    def _note(
        self,
        path: str,
        due: float,
        sent: float,
        fetched: Fetched | None = None,
        *,
        broken: Broken | None = None,
        kind: int = report.ORDINARY,
        asset: bool = False,
    ) -> None:
        """Write down how one request ended."""
        now = asyncio.get_running_loop().time()
        status = fetched.answer.status if fetched else 0
        what = broken.what if broken else f"answered {status}" if status >= 500 else ""
        retried = fetched.retried if fetched else isinstance(broken, RetryBroken)
        gone = asset and status == 404
        if what:
            self._note_failure(Failure(due + self._offset, what, path))
        samples = self._samples
        samples.at.append(due + self._offset)
        samples.ms.append((now - due) * 1000)
        samples.lag_ms.append(max(0.0, sent - due) * 1000)
        samples.status.append(min(status, 0xFFFF))
        samples.path.append(self._place(path))
        samples.kind.append(kind)
        samples.flags.append(
            report.FAILED * bool(what) | report.RETRIED * retried | report.ASSET_404 * gone
        )
        self._counts.add(failed=bool(what), retried=retried, gone=gone)
        if kind == report.ORDINARY:
            self._recent.append((now, (now - due) * 1000))

    def _note_failure(self, failure: Failure) -> None:
        self._counts.last_failure = f"{failure.path}: {failure.what}"
        if len(self._failures) < FAILURES_KEPT:
            self._failures.append(failure)

    def _place(self, path: str) -> int:
        place = self._path_index.get(path)
        if place is None:
            # An index has two bytes. A page with ever new asset names shares the last.
            place = self._path_index[path] = min(len(self._samples.paths), 0xFFFF)
            if place == len(self._samples.paths):
                self._samples.paths.append(path)
        return place

    # -- beside them

    def _beside(self) -> list[Coroutine[Any, Any, None]]:
        chosen = [self._snapshots()]
        if self.load.long:
            chosen.append(self._long())
        if self.load.websocket:
            chosen.append(self._websocket())
        if self.load.assets:
            chosen.append(self._assets())
        return chosen

    async def _finish(self, beside: list[asyncio.Task[None]]) -> int:
        """Let the long request end, or cut it; return how many requests were cut."""
        if self._wait_long and self._counts.long_in_flight:
            deadline = asyncio.get_running_loop().time() + self.load.long_timeout
            while self._counts.long_in_flight and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.02)
        cut = self._counts.long_in_flight + len(self._under_way)
        for task in beside:
            task.cancel()
        done = await asyncio.gather(*beside, return_exceptions=True)
        for each in done:
            if isinstance(each, Exception):
                raise each  # a mistake of this tool must not look like a quiet server
        return cut

    async def _long(self) -> None:
        """Keep one slow request under way, each on a connection of its own."""
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            self._counts.long_in_flight = 1
            begin = loop.time()
            await self._aside(
                self.load.long, begin, self.load.long_timeout, kind=report.LONG, fresh=True
            )
            self._counts.long_in_flight = 0
            if loop.time() - begin < 0.05:  # it fails at once, or it is not slow at all
                await asyncio.sleep(0.25)

    async def _aside(
        self,
        path: str,
        begin: float,
        timeout: float,
        *,
        kind: int = report.ORDINARY,
        fresh: bool = False,
        keep_body: bool = False,
        asset: bool = False,
    ) -> str | None:
        """One request that is not of the mix; its body as text, None unless it was a 200."""
        try:
            async with asyncio.timeout(timeout):
                fetched = await fetch(
                    self._target, self._pool, path, fresh=fresh, keep_body=keep_body
                )
        except TimeoutError:
            self._note(path, begin, begin, broken=Broken(f"no answer in {timeout:g} s"), kind=kind)
            return None
        except Broken as broken:
            self._note(path, begin, begin, broken=broken, kind=kind)
            return None
        self._note(path, begin, begin, fetched, kind=kind, asset=asset)
        if fetched.answer.status != 200:
            return None
        return fetched.answer.body.decode("utf-8", "replace")

    async def _assets(self) -> None:
        """Load a page again and again, and ask for the assets of those loaded before.

        A reader's browser that loaded the page just before a switch asks for its assets just
        after; so every page loaded in the last ``assets_for`` seconds has its assets asked for.
        """
        loop = asyncio.get_running_loop()
        wanted: dict[str, float] = {}  # asset → when a page last named it
        while not self._stop.is_set():
            begin = loop.time()
            for asset, named in list(wanted.items()):
                if begin - named > self.load.assets_for:
                    del wanted[asset]
                    continue
                await self._aside(asset, loop.time(), self.load.timeout, asset=True)
            page = await self._aside(
                self.load.assets, loop.time(), self.load.timeout, keep_body=True
            )
            for asset in asset_urls(page or ""):
                wanted[asset] = loop.time()
            await self._pause(begin + self.load.assets_every - loop.time())

    async def _websocket(self) -> None:
        """Keep one WebSocket open; note every end and how soon there was another."""
        loop = asyncio.get_running_loop()
        ended: float | None = None
        pause = 0.0
        while not self._stop.is_set():
            begin = loop.time()
            try:
                async with asyncio.timeout(self.load.timeout):
                    socket = await websocket.connect(self._target, self.load.websocket)
            except (TimeoutError, Broken) as error:
                broken = error if isinstance(error, Broken) else Broken("no WebSocket in time")
                self._note(self.load.websocket, begin, begin, broken=broken)
                pause = min(1.0, pause * 2 + 0.1)
                await self._pause(pause)
                continue
            pause = 0.0
            if ended is not None:
                back = round((loop.time() - ended) * 1000, 3)
                self._closes[-1] = replace(self._closes[-1], back_ms=back)
            self._note(self.load.websocket, begin, begin, _SWITCHED)
            ended = await self._listen(socket)

    async def _listen(self, socket: websocket.WebSocket) -> float:
        """Hear one WebSocket out; return when it ended."""
        loop = asyncio.get_running_loop()
        self._counts.websocket_open = True
        try:
            end = await socket.listen(self._counts.heard, self.load.timeout)
        except asyncio.CancelledError:
            await socket.close()
            raise
        finally:
            self._counts.websocket_open = False
        socket.abort()
        self._closes.append(Close(loop.time() + self._offset, end.code, end.reason))
        await asyncio.sleep(0.02)  # one that is closed at once must not turn this into a storm
        return loop.time()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until ``stop``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stop.wait()

    # -- what was seen

    async def _snapshots(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_EVERY)
            self._publish()

    def _publish(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._recent and self._recent[0][0] < now - RECENT:
            self._recent.popleft()
        recent = sorted(ms for _, ms in self._recent)
        counts = self._counts
        counts.max_ms = max(counts.max_ms, recent[-1] if recent else 0.0)
        self.snapshot = Snapshot(
            at=now + self._offset,
            sent=counts.sent,
            failed=counts.failed,
            retried=counts.retried,
            in_flight=len(self._under_way),
            long_in_flight=counts.long_in_flight,
            asset_404=counts.asset_404,
            websocket_open=counts.websocket_open,
            websocket_closes=len(self._closes),
            max_ms=round(counts.max_ms, 3),
            recent_rate=round(len(recent) / RECENT, 1),
            recent_p50_ms=round(report.percentile(recent, 0.50), 3),
            recent_p99_ms=round(report.percentile(recent, 0.99), 3),
            recent_max_ms=round(recent[-1], 3) if recent else 0.0,
            last_failure=counts.last_failure,
        )

    def _report(self, begin: float, end: float, cut: int) -> Report:
        return report.build(
            begin=begin + self._offset,
            end=end + self._offset,
            rate=self.load.rate,
            samples=self._samples,
            failures=self._failures,
            closes=self._closes,
            messages=self._counts.messages,
            cut=cut,
        )


@dataclass
class _Counts:
    """Running totals, for snapshots."""

    sent: int = 0
    failed: int = 0
    retried: int = 0
    asset_404: int = 0
    long_in_flight: int = 0
    messages: int = 0
    websocket_open: bool = False
    max_ms: float = 0.0
    last_failure: str = ""

    def add(self, *, failed: bool, retried: bool, gone: bool) -> None:
        """One more request ended."""
        self.sent += 1
        self.failed += failed
        self.retried += retried
        self.asset_404 += gone

    def heard(self) -> None:
        """One more WebSocket message came."""
        self.messages += 1


_SWITCHED = Fetched(Answer(101, 0), retried=False)


def _mixed(weighted: list[tuple[str, int]], seed: int) -> list[str]:
    """Every path as often as its weight says, in a mixed order that a seed repeats."""
    mixed = [path for path, weight in weighted for _ in range(weight)]
    if not mixed:
        raise UsageError("traffic: no path to ask for")
    Random(seed).shuffle(mixed)  # noqa: S311 (an order that repeats is wanted)
    return mixed


def asset_urls(page: str) -> list[str]:
    """The hashed assets a page names, each once, as paths on the same host."""
    return list(dict.fromkeys(ASSET.findall(page)))
