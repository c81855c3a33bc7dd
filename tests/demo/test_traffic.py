"""The traffic counts what happened to it: exactly, and from the time a request was due."""

import asyncio
import json
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest

from demo.servers import OK, Exchange, Server, ok
from demo.test_websocket import closing, frame, upgrade
from fairlead.base.errors import UsageError
from fairlead.demo import websocket
from fairlead.demo.generator import asset_urls
from fairlead.demo.traffic import Load, Report, Traffic, TrafficProcess, TrafficThread


def run(url: str, rate: float = 200, requests: int = 100, **options) -> Report:
    return asyncio.run(Traffic(url, rate, requests=requests, **options).run())


# -- failures are counted exactly


def test_every_50th_connection_dropped_is_counted():
    """A server that hangs up on every 50th connection: 10 of 500, no more, no fewer."""

    async def answer(exchange: Exchange) -> None:
        if exchange.connection % 50 == 0:
            exchange.writer.transport.abort()
        else:
            exchange.send(OK)

    with Server(answer) as server:
        report = run(server.url, rate=500, requests=500, fresh=1.0)
        assert server.requests == 500
    assert (report.sent, report.failed, report.retried) == (500, 10, 0)
    assert report.statuses == {200: 490}
    assert len(report.failures) == 10
    assert all("before an answer" in each.what for each in report.failures)


def test_a_kept_connection_that_closes_under_a_request_is_retried_once():
    """The server closes every 5th request's connection unanswered; asked again, it answers."""
    closed = []

    async def answer(exchange: Exchange) -> None:
        if exchange.number == 5:
            closed.append(exchange.connection)
            exchange.close()
        else:
            exchange.send(OK)

    with Server(answer) as server:
        report = run(server.url, requests=200, fresh=0, connections=2)
    assert (report.sent, report.failed) == (200, 0)
    assert report.retried == len(closed) > 20


def test_a_first_request_on_a_connection_is_not_retried():
    """A new connection that is closed unanswered is a failure: nothing was stale about it."""

    async def answer(exchange: Exchange) -> None:
        exchange.close()

    with Server(answer) as server:
        report = run(server.url, requests=20)
        assert server.requests == 20
    assert (report.failed, report.retried) == (20, 0)


def test_a_retry_that_fails_is_a_failure_too():
    """Retried and failed: it shows in both counts."""

    async def answer(exchange: Exchange) -> None:
        if exchange.connection == 1 and exchange.number == 1:
            exchange.send(OK)
        else:
            exchange.close()

    with Server(answer) as server:
        report = run(server.url, rate=50, requests=2, fresh=0)
    assert (report.sent, report.failed, report.retried) == (2, 1, 1)


def test_idle_connections_that_end_are_nobody_s_failure():
    """A server that closes after each answer without saying so costs nothing."""

    async def answer(exchange: Exchange) -> None:
        exchange.send(OK)
        exchange.server.loop.call_later(0.002, exchange.close)

    with Server(answer) as server:
        report = run(server.url, rate=50, requests=50, fresh=0, connections=4)
    assert (report.sent, report.failed) == (50, 0)


@pytest.mark.parametrize(
    ("bytes_sent", "what"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "short, 4 of 100 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "short, 4 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "inside the header"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "answered 503"),
        (b"SSH-2.0-x\r\n\r\n", "nonsense"),
    ],
)
def test_what_is_not_a_whole_good_answer_failed(bytes_sent: bytes, what: str):
    """A short body, a 5xx, nonsense: each is a failure and says what it was."""

    async def answer(exchange: Exchange) -> None:
        exchange.send(bytes_sent)
        exchange.close()

    with Server(answer) as server:
        report = run(server.url, requests=3, fresh=1.0)
    assert report.failed == 3
    assert what in report.failures[0].what


def test_a_404_is_an_answer():
    """The status is counted; it is for the caller to mind."""

    async def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with Server(answer) as server:
        report = run(server.url, requests=10)
    assert (report.failed, report.statuses) == (0, {404: 10})


def test_nobody_listens():
    """Every request fails, and says so."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        report = run(f"http://127.0.0.1:{unused.getsockname()[1]}", requests=20)
    assert (report.sent, report.failed) == (20, 20)
    assert report.failures[0].what == "connection refused"


def test_no_answer_in_time_is_a_failure():
    """The time is counted from when it was due, and the rest is not held up by it."""

    async def answer(exchange: Exchange) -> None:
        if exchange.path == "/never":
            await asyncio.sleep(30)
        exchange.send(OK)

    with Server(answer) as server:
        report = run(server.url, requests=100, paths=["/never", "/a", "/b", "/c"], timeout=0.3)
    assert (report.sent, report.failed) == (100, 25)
    assert report.statuses == {200: 75}
    assert {each.what for each in report.failures} == {"no answer in 0.3 s"}


# -- an open loop: a stall is seen by all who were due


def test_a_stall_is_seen_in_full():
    """Everything due while the server stands still for 0.6 s waits its part of it."""
    stalled = []

    async def answer(exchange: Exchange) -> None:
        if exchange.server.requests == 100:
            stalled.append(time.time())
            time.sleep(0.6)
        exchange.send(OK)

    with Server(answer) as server:
        report = run(server.url, rate=200, requests=300)
    assert report.failed == 0
    assert report.max_ms >= 590
    late = [ms for ms in report.samples.ms if ms > 100]
    assert len(late) >= 90, "0.5 s of 200 a second met it"
    assert abs(report.worst[0].at - stalled[0]) < 0.2
    assert report.p50_ms < 300


def test_slow_answers_do_not_slow_the_asking():
    """At 200 a second with answers of 0.3 s, 60 are under way at once and the rate holds."""

    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(0.3)
        exchange.send(OK)

    with Server(answer) as server:
        report = run(server.url, rate=200, requests=200)
    assert report.failed == 0
    assert report.seconds < 1.6
    assert server.connections > 40


def test_a_bound_on_requests_in_flight_is_part_of_the_wait():
    """More than fit wait for room, and their wait is in their latency."""

    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(0.1)
        exchange.send(OK)

    with Server(answer) as server:
        report = run(server.url, rate=100, requests=15, in_flight=1)
    assert report.failed == 0
    assert report.max_ms > 1200
    assert report.lag_ms > 1100


# -- the shape of the load


def test_paths_by_weight_and_a_share_of_fresh_connections():
    """Three to one is three to one; a fifth of the requests have a connection of their own."""
    fresh, paths = [], []

    async def answer(exchange: Exchange) -> None:
        fresh.append("Connection: close" in exchange.head)
        paths.append(exchange.path)
        exchange.send(OK)

    with Server(answer) as server:
        run(server.url, paths=[("/a", 3), ("/b", 1)], requests=200, fresh=0.2)
    assert (paths.count("/a"), paths.count("/b")) == (150, 50)
    assert sum(fresh) == pytest.approx(40, abs=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0},
        {"rate": 1e9},
        {"seconds": 1e9},
        {"requests": 10**9},
        {"fresh": 2},
        {"paths": ["api"]},
        {"paths": ["/a b"]},
        {"paths": ["/a\r\nX: y"]},
        {"long": "slow"},
        {"url": "http://example.org"},
    ],
)
def test_a_load_is_bounded(wrong: dict):
    """Rate, time and count have limits, and paths are paths."""
    with pytest.raises(UsageError):
        Load(**{"url": "http://127.0.0.1:1", "rate": 1, **wrong})


def test_it_stops_by_itself():
    """After the stated seconds."""
    with Server(ok) as server:
        report = run(server.url, rate=100, requests=10_000, seconds=0.5)
    assert 0.4 < report.seconds < 1.0
    assert 30 <= report.sent <= 60


# -- beside the ordinary requests


def test_a_long_request_is_always_under_way():
    """Each is counted when it ends, apart from the latencies; a broken one failed."""

    async def good(exchange: Exchange) -> None:
        if exchange.path == "/slow":
            await asyncio.sleep(0.3)
        exchange.send(OK)

    async def cut(exchange: Exchange) -> None:
        if exchange.path == "/slow":
            await asyncio.sleep(0.2)
            exchange.send(OK[:-1])
            exchange.close()
        else:
            exchange.send(OK)

    with Server(good) as server:
        report = run(server.url, rate=20, requests=20, long="/slow")
    assert (report.long_finished, report.long_failed, report.cut) == (3, 0, 1)
    assert report.max_ms < 250
    with Server(cut) as server:
        report = run(server.url, rate=20, requests=10, long="/slow")
    assert report.failed == report.long_failed >= 1
    assert "short" in report.failures[0].what


def test_stop_waits_for_the_long_request_when_told_to():
    """`wait_long` lets it end; otherwise it is cut, and neither sent nor failed."""

    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(0.8 if exchange.path == "/slow" else 0)
        exchange.send(OK)

    with Server(answer) as server:
        for wait, finished, cut in ((True, 1, 0), (False, 0, 1)):
            traffic = TrafficThread(server.url, 50, long="/slow").start()
            time.sleep(0.3)
            report = traffic.stop(wait_long=wait)
            assert (report.long_finished, report.cut) == (finished, cut)
            assert report.failed == 0


def test_the_end_of_a_websocket_is_noted_and_it_comes_back():
    """A close with its code, one without a word, and how soon there was another."""

    async def answer(exchange: Exchange) -> None:
        if exchange.path != "/ws":
            exchange.send(OK)
            return
        sockets.append(exchange)
        upgrade(exchange)
        exchange.send(frame(websocket.TEXT, b"level"))
        if len(sockets) == 1:
            exchange.send(closing(1012, "new release"))
            await asyncio.sleep(0.05)
            exchange.close()
        elif len(sockets) == 2:
            exchange.writer.transport.abort()
        else:
            await exchange.reader.read()

    sockets: list[Exchange] = []
    with Server(answer) as server:
        report = run(server.url, rate=50, requests=50, websocket="/ws")
    assert [each.code for each in report.websocket_closes] == [1012, 1006]
    assert report.websocket_closes[0].reason == "new release"
    assert all(each.back_ms is not None and each.back_ms < 500 for each in report.websocket_closes)
    assert report.websocket_messages >= 2
    assert report.statuses == {101: 3, 200: 50}
    assert report.failed == 0


def test_a_websocket_that_cannot_open_is_a_failure():
    """A handshake answered with 502 counts like any failed request."""

    async def answer(exchange: Exchange) -> None:
        bad = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        exchange.send(bad if exchange.path == "/ws" else OK)

    with Server(answer) as server:
        report = run(server.url, rate=50, requests=25, websocket="/ws")
    assert 0 < report.failed == report.sent - 25
    assert "502" in report.failures[0].what


@pytest.mark.parametrize("old_is_kept", [True, False])
def test_assets_of_the_page_before_are_asked_for(old_is_kept: bool):
    """A page loaded before a switch still wants its assets after; gone ones are counted."""
    asked = []

    async def answer(exchange: Exchange) -> None:
        new = time.monotonic() > switch
        if exchange.path == "/":
            name = "new.0123456789ab" if new else "old.ba9876543210"
            exchange.page(f'<link href="/static/{name}.css"><script src="/static/plain.js">')
        elif "old" in exchange.path and new and not old_is_kept:
            exchange.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            asked.append((exchange.path, new))
            exchange.send(OK)

    switch = time.monotonic() + 0.6
    with Server(answer) as server:
        report = run(server.url, rate=10, requests=12, paths=["/x"], assets="/", assets_every=0.1)
    assert ("/static/new.0123456789ab.css", True) in asked
    assert (("/static/old.ba9876543210.css", True) in asked) is old_is_kept
    assert (report.asset_404 == 0) is old_is_kept
    assert report.failed == 0


def test_which_assets_are_hashed():
    """Names with a hash, on the same host; the rest may change under the same name."""
    page = """
      <link rel="stylesheet" href="/static/levels/river.fac0ac733119.css">
      <script src='/assets/index-Bx_3f9aK.js'></script><img src="/static/mark.d4375f2a8e81.svg">
      <a href="/api/stations"></a><img src="/static/plain.svg"><script src="//cdn.example/a.js">
      <link href="https://cdn.example/x.fac0ac733119.css">
      <link rel="stylesheet" href="/static/levels/river.fac0ac733119.css">"""
    assert asset_urls(page) == [
        "/static/levels/river.fac0ac733119.css",
        "/assets/index-Bx_3f9aK.js",
        "/static/mark.d4375f2a8e81.svg",
    ]


# -- the report


def test_between_counts_only_its_window():
    """Failures, closes and latencies of a stretch of time, by when requests were due."""

    async def answer(exchange: Exchange) -> None:
        broken = exchange.server.requests > 50
        exchange.send(OK if not broken else b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")

    with Server(answer) as server:
        report = run(server.url, rate=100, requests=100)
    half = report.begin + 0.5
    before, after = report.between(0, half), report.between(half, report.end + 1)
    assert before.sent + after.sent == report.sent == 100
    assert before.failed <= 1
    assert after.failed >= 49
    assert report.failed == 50
    assert len(after.failures) == 20, "the first 20 are named, all are counted"
    assert report.between(0, 1).sent == 0


def test_a_report_survives_json():
    """With samples the whole report comes back; without, an object to print."""
    with Server(ok) as server:
        report = run(server.url, requests=20)
    again = Report.from_json(json.dumps(report.to_json(samples=True)))
    assert again == report
    assert (
        again.between(report.begin, report.end).sent
        == report.between(report.begin, report.end).sent
    )
    assert "samples" not in json.dumps(report.to_json())


# -- the ways to run it


def test_thread_and_process_tell_how_it_goes():
    """Both have a live snapshot and the same report; the process is another one."""
    with Server(ok) as server:
        for kind in (TrafficThread, TrafficProcess):
            with kind(server.url, 100, paths=["/a", ("/b", 2)]) as traffic:
                deadline = time.monotonic() + 10
                while traffic.snapshot.sent < 30 and time.monotonic() < deadline:
                    time.sleep(0.02)
                snapshot = traffic.snapshot
                report = traffic.stop()
            assert report.sent >= snapshot.sent >= 30
            assert (report.failed, snapshot.failed) == (0, 0)
            assert 0 < snapshot.recent_p50_ms <= snapshot.recent_max_ms <= snapshot.max_ms
            assert traffic.stop() == report


def test_the_process_ends_with_the_one_that_started_it():
    """When its input ends, nobody wants the traffic any more."""
    with Server(ok) as server:
        traffic = TrafficProcess(server.url, 50, seconds=600).start()
        process = traffic._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
        assert traffic.stop().failed == 0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fairlead.demo.traffic", *arguments]


def test_command():
    """Its answer is one object, its exit code says whether all went well, SIGTERM ends it."""
    with Server(ok) as server:
        done = subprocess.run(
            command("--url", server.url, "--rate", "100", "--seconds", "0.5", "--json"),
            check=True,
            capture_output=True,
            text=True,
        )
        assert json.loads(done.stdout)["failed"] == 0
        running = subprocess.Popen(
            command("--url", server.url, "--rate", "100"), stdout=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 10
        while server.requests < 80 and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        said, _ = running.communicate(timeout=10)
        assert running.returncode == 0
        assert re.search(r"\d+ requests in [\d.]+ s, 0 failed", said)
    gone = subprocess.run(
        command("--url", server.url, "--rate", "50", "--requests", "5"), capture_output=True
    )
    assert gone.returncode == 1
    refused = subprocess.run(
        command("--url", "http://example.org", "--rate", "1"), capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "hint: " in refused.stderr


def test_it_is_light():
    """Under a third of a core at 300 requests a second (0.1 alone; other tests run beside)."""
    with Server(ok) as server:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        traffic = TrafficProcess(server.url, 300).start()
        time.sleep(3)
        report = traffic.stop()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert report.sent > 850
    assert spent < 1.0
