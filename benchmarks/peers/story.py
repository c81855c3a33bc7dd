"""The same story with each peer: releases, ways back, and releases that are broken."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.clone import Clone
from benchmarks.machine import Ran, note, spread
from benchmarks.peers.server import Server
from benchmarks.users import Watcher, await_build, build_at, saw, users
from fairlead.demo.report import Report

DOWN = 5.0
"""Seconds a broken release is left before somebody goes back."""

AFTER = 2.0
"""Seconds after the first new answer that still belong to a deploy: old copies end then."""

Went = dict[str, Any]


class Story:
    """One peer, one clone of the app, and the users."""

    def __init__(self, server: Server, root: Path, rate: float, long: float) -> None:
        self._clone = Clone(root / "author")
        self._server = server
        self._rate = rate
        self._long = long
        self._build = 0
        self._went: list[Went] = []

    def tell(self, releases: int, back: int, boot: bool) -> dict[str, Any]:
        """Play it all; what came of it."""
        self._clone.root.mkdir(parents=True)
        self._clone.lay()
        origin = self._clone.origin()
        self._clone.publish()
        try:
            self._server.set_up(self._clone.clone, origin)
            with users(self._server.address, self._rate, self._long) as traffic:
                time.sleep(2)
                self._play(releases, back, boot)
                time.sleep(2)
                report = traffic.stop(wait_long=True)
        finally:
            self._server.shutdown()
        return self._told(report)

    def _play(self, releases: int, back: int, boot: bool) -> None:
        for number in range(releases):
            self._release("code only", self._clone.build)
            if number < back:
                self._back("back")
                self._release("again", self._clone.build)
        if boot:
            self._release("8 s boot", lambda build: self._clone.keep("slow_boot", build))
            self._release("boot mended", self._clone.mend)
        self._broken("crash")
        self._broken("answers_500")

    def _release(self, what: str, change: Callable[[int], str]) -> None:
        self._build += 1
        change(self._build)
        self._clone.publish()
        self._timed(what, self._build, self._server.deploy)
        time.sleep(AFTER)

    def _back(self, what: str) -> None:
        self._timed(what, self._build - 1, self._server.back)
        time.sleep(AFTER)

    def _broken(self, story: str) -> None:
        """A release that is broken: what its deploy says, what users see, and the way back."""
        before, self._build = self._build, self._build + 1
        self._clone.keep(story, self._build)
        self._clone.publish()
        began = time.time()
        ran = self._server.deploy()
        time.sleep(DOWN)
        now = build_at(self._server.address)
        self._note(story, began, 0.0, time.time(), ran, serves=now or "nothing")
        self._timed(f"back from {story}", before, self._server.back)
        time.sleep(AFTER)
        self._release("mended", self._clone.mend)

    def _timed(self, what: str, build: int, command: Callable[[], Ran]) -> None:
        with Watcher(self._server.address, build) as watcher:
            began = time.time()
            ran = command()
            serving = watcher.wait(60)
        self._note(what, began, serving, (serving or time.time()) + AFTER, ran)
        if not serving:
            raise RuntimeError(f"{self._server.name}: {what}: build {build} never answered")
        await_build(self._server.address, build, 30)

    def _note(
        self, what: str, began: float, serving: float, end: float, ran: Ran, serves: str = ""
    ) -> None:
        went = {
            "what": what,
            "begin": began,
            "end": end,
            "seconds": round(serving - began, 3) if serving else None,
            "command_seconds": round(ran.seconds, 3),
            "exit": ran.code,
        }
        self._went.append(
            went | ({"serves_build": serves, "build": str(self._build)} if serves else {})
        )
        note(f"  {self._server.name}: {what}: {went['seconds']} s, exit {ran.code}")

    def _told(self, report: Report) -> dict[str, Any]:
        for went in self._went:
            went["users"] = saw(report, went.pop("begin"), went.pop("end"))
        ordinary = [w for w in self._went if w["what"] in ("code only", "again", "mended")]
        backs = [w for w in self._went if w["what"].startswith("back")]
        return {
            "long_request": self._long,
            "serving": spread(w["seconds"] for w in ordinary if w["seconds"]),
            "back": spread(w["seconds"] for w in backs if w["seconds"]),
            "failed_a_release": spread((w["users"]["failed"] for w in ordinary), 0),
            "asset_404_a_release": spread((w["users"]["asset_404"] for w in ordinary), 0),
            "worst_ms_a_release": spread((w["users"]["max_ms"] for w in ordinary), 0),
            "requests": report.sent,
            "failed": report.failed,
            "asset_404": report.asset_404,
            "long_failed": report.long_failed,
            "went": self._went,
        }
