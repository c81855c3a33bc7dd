"""Fairlead, driven through its doors as a person does: git push, and the command line."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.clone import Clone
from benchmarks.machine import Ran, environment, must, note, run
from benchmarks.users import Watcher, await_build
from fairlead.base.ids import Place
from fairlead.record.chain import entry_of
from fairlead.record.model import Entry
from fairlead.service.tools import Tools
from fairlead.wire import home_of, tools_of

PLACE = Place("riverside", "local")
LIMIT = 100.0


@dataclass(frozen=True)
class Went:
    """One release or one way back: when it was asked for, when users got it, when the command
    ended (seconds since 1970), how, and when traffic was switched (the record's route steps)."""

    what: str
    strategy: str
    begin: float
    serving: float
    end: float
    code: int
    switches: tuple[tuple[float, float], ...]
    parts: dict[str, float] = field(default_factory=dict)
    said: str = ""

    @property
    def seconds(self) -> float:
        """From the command to the first answer by what it asked for."""
        return self.serving - self.begin


class Fairlead:
    """One home, and the clone that is pushed to it."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self._home = clone.root / "home"
        self.tools: Tools = tools_of(home_of(str(self._home)), who="bench")
        self._env = environment(FAIRLEAD_WHO="bench")
        self.address = ""
        self._builds: dict[int, int] = {}

    def first(self) -> Ran:
        """The first release, in a home where nothing runs yet."""
        ran = must(self.cli("up", str(self.clone.clone)))
        self.address = self.tools.notes.listen(str(PLACE))
        await_build(self.address, 0, LIMIT)
        self._builds[0] = self._number()
        return ran

    def cli(self, *words: str) -> Ran:
        """``fairlead …`` as a process of its own."""
        return run(self._fairlead(*words), self.clone.clone, self._env, LIMIT)

    def push(self, build: int, strategy: str, what: str = "code only") -> Went:
        """``git push fairlead main`` of the clone's head, which is that build."""
        argv = ["git", "push", "--quiet", "fairlead", "HEAD:main"]
        went = self._timed(what, strategy, build, argv)
        self._builds[build] = self._number()
        return went

    def push_again(self) -> Ran:
        """``git push`` of what was pushed already."""
        argv = ["git", "push", "--quiet", "fairlead", "HEAD:main"]
        return must(run(argv, self.clone.clone, self._env, LIMIT))

    def back(self, build: int, strategy: str, what: str) -> Went:
        """``fairlead rollback`` to the release of a build."""
        number = self._builds[build]
        argv = self._fairlead("rollback", str(PLACE), "--to", str(number), "--why", "measured")
        return self._timed(what, strategy, build, argv, 0.004)

    def refused(self, what: str) -> Went:
        """``fairlead up`` of a head that must not come to serve."""
        since, begin = self.tools.store.head()[0], time.time()
        ran = self.cli("up", str(self.clone.clone))
        end = time.time()
        said = [line for line in ran.said.splitlines() if line.startswith(f"{PLACE}: ")] or [""]
        return Went(what, "", begin, 0.0, end, ran.code, self._switches(since), said=said[0])

    def _timed(
        self, what: str, strategy: str, build: int, argv: list[str], every: float = 0.01
    ) -> Went:
        since = self.tools.store.head()[0]
        with Watcher(self.address, build, every) as watcher:
            begin = time.time()
            ran = must(self._run(argv, since))
            end = time.time()
            serving = watcher.wait(10.0)
        if not serving:
            raise RuntimeError(f"{what}: build {build} never answered: {ran.said[-2000:]}")
        parts = timeline(self._entries(since), begin, serving)
        return Went(what, strategy, begin, serving, end, ran.code, self._switches(since), parts)

    def _run(self, argv: list[str], since: int) -> Ran:
        """Run it; when it does not end, say what the record has of it."""
        try:
            return run(argv, self.clone.clone, self._env, LIMIT)
        except subprocess.TimeoutExpired:
            for entry in self._entries(since)[-20:]:
                note(f"    {entry.at[11:23]} {entry.verb} {entry.outcome}: {entry.why}")
            raise

    def _fairlead(self, *words: str) -> list[str]:
        program = Path(sys.executable).parent / "fairlead"
        return [str(program), "--home", str(self._home), *words]

    def _number(self) -> int:
        wanted = self.tools.desired(PLACE)
        return wanted.release.number if wanted else 0

    def _entries(self, since: int) -> list[Entry]:
        return [entry_of(row) for row in self.tools.store.read(since, 500)]

    def _switches(self, since: int) -> tuple[tuple[float, float], ...]:
        return switches(self._entries(since))

    def settle(self, releases: int, limit: float = 60.0) -> None:
        """Wait until copies of at most that many releases are left."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            found = {p.copy.release for p in self.tools.world.runtime.processes(PLACE)}
            if len(found) <= releases:
                return
            time.sleep(0.2)

    def shutdown(self) -> None:
        """End everything of the home."""
        self.tools.machine.shutdown()


def at(entry: Entry) -> float:
    """When an entry was written, in seconds since 1970."""
    return datetime.fromisoformat(entry.at).timestamp()


def switches(entries: list[Entry]) -> tuple[tuple[float, float], ...]:
    """Begin and end of every route step."""
    routes = [e for e in entries if e.verb == "step" and e.text("step") == "route"]
    begun = {e.seq: at(e) for e in routes if e.outcome == "intent"}
    return tuple((begun[e.intent], at(e)) for e in routes if e.intent in begun)


def timeline(entries: list[Entry], begin: float, serving: float) -> dict[str, float]:
    """Where the seconds from the command to the first answer went, by the record's entries.

    Each part ends with the first entry of its kind; a part that did not happen is not there.
    Checks and build run side by side: the one that ends later has only what it took longer.
    """
    marks: list[tuple[str, float]] = []
    for name, verb, outcome, step in _PARTS:
        found = [
            e
            for e in entries
            if (e.verb, e.outcome) == (verb, outcome) and (not step or e.text("step") == step)
        ]
        if found and at(found[0]) <= serving + 0.05:
            marks.append((name, at(found[0])))
    parts: dict[str, float] = {}
    last = begin
    for name, moment in sorted(marks, key=lambda mark: mark[1]):
        parts[name] = round(moment - last, 4)
        last = moment
    return {**parts, "first answer": round(serving - last, 4)}


_PARTS: tuple[tuple[str, str, str, str], ...] = (
    ("git and the hook start", "push", "intent", ""),
    ("checks begin", "verify", "intent", ""),
    ("checks", "verify", "done", ""),
    ("push accepted", "push", "done", ""),
    ("build", "build", "done", ""),
    ("release published", "release", "done", ""),
    ("desired", "desire", "done", ""),
    ("rollout begins", "rollout", "intent", ""),
    ("laid out", "step", "done", "prepare"),
    ("copies start", "step", "done", "start"),
    ("ready, smoke begins", "step", "intent", "try"),
    ("smoke before the switch", "step", "done", "try"),
    ("switch begins", "step", "intent", "route"),
    ("switched", "step", "done", "route"),
)


def kept(went: Went) -> dict[str, Any]:
    """What is kept of one."""
    return {
        "what": went.what,
        "strategy": went.strategy,
        "seconds": round(went.seconds, 3) if went.serving else None,
        "command_seconds": round(went.end - went.begin, 3),
        "exit": went.code,
        "parts": went.parts,
        **({"said": went.said} if went.said else {}),
    }
