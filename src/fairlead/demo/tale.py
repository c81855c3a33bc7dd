"""The demo's story: four changes and a way back, with users throughout."""

import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from fairlead.base.errors import FairleadError, Refused
from fairlead.demo.report import Report
from fairlead.demo.runners import TrafficProcess
from fairlead.demo.scene import PLACE, Scene, release_of, serving, until_serving
from fairlead.desired import read
from fairlead.record.flow import verify
from fairlead.record.model import Head, Verified
from fairlead.record.trace import trace
from fairlead.rollout.flow import is_done
from fairlead.service.places import anchor
from fairlead.service.rollback import rollback
from fairlead.service.tools import Tools
from fairlead.service.up import Up, up

RATE = 100.0
"""Requests a second, open loop, from the first release to the end."""

Say = Callable[[str], None]


class Made(msgspec.Struct, frozen=True):
    """A change and what became of it."""

    number: int
    commit: str
    digest: str
    outcome: str
    subject: str
    seconds: float


class Requests(msgspec.Struct, frozen=True):
    """What the users saw, all through."""

    sent: int
    failed: int
    max_ms: float
    asset_404: int
    websocket_closes: int


class Stopped(msgspec.Struct, frozen=True):
    """A change that did not get through: what stopped it, and what serves."""

    stopped_by: str
    serving: int


class Back(msgspec.Struct, frozen=True):
    """The way back."""

    seconds: float
    serving: int


class RecordSaid(msgspec.Struct, frozen=True):
    """The record at the end."""

    entries: int
    verified: bool


class Told(msgspec.Struct, frozen=True):
    """The whole demo, as one object."""

    releases: tuple[Made, ...]
    requests: Requests
    broken: Stopped
    crashed: Stopped
    half: Stopped
    rollback: Back
    trace: str
    record: RecordSaid
    seconds: float
    directory: str = ""

    @property
    def well(self) -> bool:
        """Whether everything went as it should."""
        kept = {self.broken.serving, self.crashed.serving, self.half.serving} == {2}
        outcomes = [made.outcome for made in self.releases]
        right = outcomes == ["done", "done", "refused", "returned", "returned"]
        quiet = not self.requests.failed and not self.requests.asset_404
        return kept and right and quiet and self.record.verified and self.rollback.serving == 1


class Teller:
    """Plays the story in a scene and tells it as it goes."""

    def __init__(self, scene: Scene, chapter: Say, line: Say) -> None:
        self._scene = scene
        self._chapter = chapter
        self._line = line
        self._made: list[Made] = []

    def tell(self) -> Told:
        """The whole story. Whatever it started is ended, however it ends."""
        began = time.monotonic()
        tools = self._scene.set()
        try:
            return self._play(tools, began)
        finally:
            with suppress(FairleadError):
                tools.machine.shutdown()

    def _play(self, tools: Tools, began: float) -> Told:
        self._chapter("A first release: checked, built, recorded, planned, rolled out")
        first = self._push(tools, self._scene.git("rev-parse", "HEAD"))
        address = tools.notes.listen(str(PLACE))
        self._line(f"users come to http://{address}: {RATE:.0f} requests a second from here on")
        with self._users(address) as users:
            found = self._changes(tools, address)
            back = self._back(tools, address)
            report = users.stop(wait_long=True)
        self._requests(report)
        line = self._ask(tools, first)
        return Told(
            releases=tuple(self._made),
            requests=_requests(report),
            broken=found[0],
            crashed=found[1],
            half=found[2],
            rollback=back,
            trace=line,
            record=self._record(tools),
            seconds=round(time.monotonic() - began, 1),
        )

    def _users(self, address: str) -> TrafficProcess:
        return TrafficProcess(
            f"http://{address}",
            RATE,
            paths=[("/api/stations", 3), ("/api/version", 1), ("/", 1)],
            long="/slow?seconds=4",
            websocket="/ws/levels",
            assets="/",
        )

    def _changes(self, tools: Tools, address: str) -> list[Stopped]:
        self._chapter("A second release, with a migration, while users come")
        self._push(tools, self._scene.change("second", "Show the water's temperature"))
        stopped = []
        for name, title, subject in _BROKEN:
            self._chapter(title)
            self._push(tools, self._scene.change(name, subject))
            self._scene.undo()
            said = self._made[-1]
            stopped.append(Stopped(self._why, serving(tools, address)))
            self._line(f"{said.outcome}; release {stopped[-1].serving} serves on")
        return stopped

    def _push(self, tools: Tools, commit: str) -> str:
        """Push what is checked out, and note what became of it."""
        began, self._why = time.monotonic(), ""
        subject = self._scene.git("log", "-1", "--format=%s", commit)
        outcome = "refused"
        try:
            found = up(tools, self._scene.worktree(), "", self._line)
            outcome, self._why = found.ends[0].outcome, found.ends[0].sentence
            _must_not_be_gone(found)
        except Refused as refused:
            self._why = refused.what.partition(": ")[2]
        release = release_of(tools, commit)
        number, digest = (release.number, release.artifact.digest) if release else (0, "")
        took = round(time.monotonic() - began, 2)
        self._made.append(Made(number, commit, digest, outcome, subject, took))
        return commit

    def _back(self, tools: Tools, address: str) -> Back:
        self._chapter("One command goes back: fairlead rollback")
        began = time.monotonic()
        rollback(tools, PLACE, 1, "the demo shows the way back")
        tools.machine.wake()
        until_serving(tools, address, 1, 30.0)
        took = round(time.monotonic() - began, 3)
        self._line(f"release 1 serves again after {took} s: artifact and settings together")
        self._settle(tools)
        return Back(took, serving(tools, address))

    def _settle(self, tools: Tools) -> None:
        """Let the way back pass its smoke checks before users leave."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            wanted = tools.desired(PLACE)
            if wanted and wanted.release.number == 1 and is_done(tools.world, wanted):
                return
            time.sleep(0.05)
        raise FairleadError("the way back did not settle", "report this")

    def _requests(self, report: Report) -> None:
        self._chapter("What the users saw")
        self._line(
            f"{report.sent} requests, {report.failed} failed, {report.asset_404} missing assets; "
            f"worst answer {report.max_ms:.0f} ms; {report.long_finished} long ones finished"
        )

    def _ask(self, tools: Tools, commit: str) -> str:
        self._chapter("Months later: what is this commit?")
        second = self._made[1].commit if len(self._made) > 1 else commit
        line = trace(tools.store, second, now=tools.clock.now()).line
        self._line(f"fairlead trace {second[:10]}")
        self._line(line)
        return line

    def _record(self, tools: Tools) -> RecordSaid:
        anchor(tools)
        signed = read.anchored(tools.deploy.repo.look(), tools.deploy.verifier)
        heads = [Head(signed.seq, signed.hash)] if signed else []
        found = verify(tools.store, heads)
        well = isinstance(found, Verified)
        entries = found.entries if isinstance(found, Verified) else found.seq
        self._line(f"the record: {entries} entries, " + ("every one holds" if well else "BROKEN"))
        return RecordSaid(entries, well)


_BROKEN = (
    ("broken_tests", "A change whose own test fails", "Round the warning level"),
    ("crash", "A change that passes its checks and crashes in production", "Ask for the tides"),
    ("worker_fails", "A change whose worker fails after its web came up", "Calibrate forecasts"),
)


def _must_not_be_gone(found: Up) -> None:
    if any(end.outcome == "gone" for end in found.ends):
        raise FairleadError("the agent is gone", "see logs/agent.log in the demo's home")


def _requests(report: Report) -> Requests:
    return Requests(
        report.sent,
        report.failed,
        round(report.max_ms, 1),
        report.asset_404,
        len(report.websocket_closes),
    )
