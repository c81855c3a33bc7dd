"""An open-loop HTTP load generator for this machine: it notices every failed request and stall.

*Open loop*: requests are due at a stated rate whatever the server does, and each one's latency
counts from the time it was due. A generator that waits for an answer before it asks again would
send one slow request where a hundred users met a stall ("coordinated omission").

    python -m fairlead.demo.traffic --url http://127.0.0.1:8000 --rate 300 --seconds 10 --json

It goes to loopback only (`Target.parse` refuses anything else), and its rate, its number of
requests and its time are bounded. Three ways to use it:

    Traffic(url, rate, ...)         await run(); stop() from the same event loop
    TrafficThread(url, rate, ...)   from plain code; shares this process's interpreter
    TrafficProcess(url, rate, ...)  from plain code; a process of its own, so what the caller
                                    computes does not show up as latency. Use it to measure.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields

from fairlead.base.errors import UsageError
from fairlead.demo.generator import SNAPSHOT_EVERY, Traffic
from fairlead.demo.load import Load
from fairlead.demo.report import Report, Snapshot
from fairlead.demo.runners import TrafficProcess, TrafficThread

__all__ = ["Load", "Report", "Snapshot", "Traffic", "TrafficProcess", "TrafficThread", "main"]


def _weighted(text: str) -> tuple[str, int]:
    """``/path`` or ``3:/path``."""
    weight, colon, path = text.partition(":")
    return (path, int(weight)) if colon and weight.isdecimal() else (text, 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fairlead.demo.traffic",
        description="Open-loop HTTP traffic for a server on this machine.",
        epilog="Exit code: 0 when no request failed, 1 when one did, 2 for a wrong call.",
    )
    parser.add_argument(
        "--path",
        type=_weighted,
        action="append",
        help="a path to ask for, also with a weight: 3:/api; may be repeated",
    )
    for each in fields(Load):
        if each.name != "paths":
            required = each.name in {"url", "rate"}
            kind = float if each.name == "rate" else str if required else type(each.default)
            parser.add_argument(
                f"--{each.name.replace('_', '-')}",
                type=kind,
                required=required,
                default=None if required else each.default,
            )
    parser.add_argument("--json", action="store_true", help="the report as one object")
    parser.add_argument("--samples", action="store_true", help="with every request in it")
    parser.add_argument("--attached", action="store_true", help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    chosen = vars(_parser().parse_args(argv))
    as_json, samples, attached = (chosen.pop(name) for name in ("json", "samples", "attached"))
    paths = chosen.pop("path")
    if paths:
        chosen["paths"] = paths
    try:
        traffic = Traffic(**chosen)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    done = asyncio.run(_attached(traffic) if attached else _signalled(traffic))
    if as_json or attached:
        sys.stdout.write(json.dumps(done.to_json(samples=samples or attached)) + "\n")
    else:
        sys.stdout.write(summary(done))
    return 1 if done.failed or done.asset_404 else 0


async def _signalled(traffic: Traffic) -> Report:
    """Run until done, or SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, traffic.stop)
    return await traffic.run()


async def _attached(traffic: Traffic) -> Report:
    """Run for a TrafficProcess: snapshots out, a word or the end of input stops it."""
    loop = asyncio.get_running_loop()

    def word() -> None:
        loop.remove_reader(sys.stdin)
        traffic.stop(wait_long=sys.stdin.readline().strip() == "wait")

    async def tell() -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_EVERY)
            _tell(json.dumps(asdict(traffic.snapshot)))

    loop.add_reader(sys.stdin, word)
    _tell("ready")
    telling = loop.create_task(tell())
    try:
        return await traffic.run()
    finally:
        telling.cancel()


def _tell(line: str) -> None:
    # The reader may be gone: then the end of input says so too, and the run stops.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def summary(done: Report) -> str:
    """A report in a few lines, for a terminal."""
    lines = [
        f"{done.sent} requests in {done.seconds:.1f} s, {done.failed} failed, "
        f"{done.retried} retried, {done.asset_404} assets missing",
        f"latency ms: p50 {done.p50_ms:.1f}, p99 {done.p99_ms:.1f}, worst {done.max_ms:.1f} "
        f"(of it this tool at most {done.lag_ms:.1f})",
        "answers: " + ", ".join(f"{status} × {count}" for status, count in done.statuses.items()),
    ]
    if done.long_finished or done.long_failed:
        lines.append(f"long requests: {done.long_finished} finished, {done.long_failed} failed")
    if done.websocket_messages or done.websocket_closes:
        ends = ", ".join(str(each.code) for each in done.websocket_closes) or "none"
        lines.append(f"websocket: {done.websocket_messages} messages, ended: {ends}")
    lines += [f"failed: {_clock(each.at)} {each.path} {each.what}" for each in done.failures]
    return "\n".join(lines) + "\n"


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}"


if __name__ == "__main__":
    raise SystemExit(main())
