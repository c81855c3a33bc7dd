"""The planner's figures: many settled places looked at and planned, and one plan from nothing.

    python -m benchmarks.planner [--apps N] [--quick] [--json]

The places are on the memory drivers: what is measured is the look (ports to ``Observed``), the
decision, and the unfold, without what a disk, a process or a driver's search would add (so each
place has drivers of its own). Each place runs a web role of two copies behind a route, a worker
and a singleton, as one app of the example does. Prints one JSON object and, unless --json is
given, a table.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from fairlead.artifact.model import Artifact, Schema
from fairlead.base.ids import CommitId, Digest, Place
from fairlead.desired.model import Desired, Release
from fairlead.drivers.memory_backups import MemoryBackups
from fairlead.drivers.memory_leases import MemoryLeases
from fairlead.drivers.memory_marks import MemoryMarkStore
from fairlead.drivers.memory_proxy import MemoryHttp, MemoryProxy
from fairlead.drivers.memory_record import MemoryRecord
from fairlead.drivers.memory_runtime import MemoryRuntime
from fairlead.manifest.model import App, BlueGreen, Build, Environment, Migrate, Role, Smoke
from fairlead.plan.effect import effect, hope
from fairlead.plan.model import Job, JobKind, JobState, Observed, Settled, Waiting, Wave
from fairlead.plan.next_wave import next_wave
from fairlead.plan.unfold import unfold
from fairlead.record.flow import Record
from fairlead.rollout.canary import CanaryJudge
from fairlead.rollout.look import look
from fairlead.rollout.ports import (
    Asked,
    HttpAnswer,
    Laid,
    Launch,
    Site,
    Upstream,
)
from fairlead.rollout.probe import Prober
from fairlead.rollout.world import World

NOW = 1_795_000_000.0
ROUNDS = 7
LIMITS = {"apps_seconds_per_1000": 1.0}
ROLES = (
    Role("web", "serve {socket}", copies=2, health="/healthz"),
    Role("clock", "tick", singleton=True),
    Role("work", "work"),
)


class StillClock:
    """A clock that stands still, so that every look is the same look."""

    def __init__(self) -> None:
        self.time = NOW - 3600

    def now(self) -> float:
        """The same until ``time`` is set."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Nothing waits here."""


class Answers:
    """The ports that a look needs and that no memory driver has: files, releases, commands."""

    def __init__(self, release: Release) -> None:
        self._release = release

    def get(self, app: str, number: int) -> Release | None:
        """The release."""
        return self._release

    def laid(self, place: Place, release: Release) -> Laid:
        """Where it lies."""
        return Laid("/store", "/data")

    def damaged(self, release: Release) -> tuple[str, ...]:
        """Nothing is."""
        return ()

    def ask(self, *_: object) -> Asked:
        """Every command does well."""
        return Asked(0)


def wanted_of(number: int) -> Desired:
    """Release 2 of one app, after release 1."""
    name = f"app-{number}"
    app = App(
        name=name,
        build=Build("python"),
        roles=ROLES,
        environments=(Environment("local"),),
        migrate=Migrate("migrate", database="DATABASE_URL"),
        smokes=(Smoke("page", role="web", path="/"),),
    )
    schema = Schema(Digest(f"sha256:{number:064x}"))
    artifact = Artifact(name, CommitId(f"{number:040x}"), Digest(f"sha256:{2:064x}"), schema=schema)
    release = Release(name, 2, artifact, app, (), Digest("sha256:0"), "then", "anna")
    return Desired(Place(name, "local"), f"{number:040x}", release, BlueGreen(hold=0), previous=1)


def settled(wanted: Desired) -> Observed:
    """The place once its rollout is over."""
    seen = Observed(NOW - 3600)
    for _ in range(200):
        decision = next_wave(wanted, seen)
        if isinstance(decision, Wave):
            for step in decision.steps:
                seen = effect(step, seen, wanted)
        elif isinstance(decision, Waiting):
            seen = hope(seen, wanted)
        else:
            return seen
    raise RuntimeError(f"{wanted.place} does not settle")


def world_of(wanted: Desired) -> World:
    """A place, settled, on the memory drivers."""
    clock, http = StillClock(), MemoryHttp()
    answers: Any = Answers(wanted.release)
    runtime, proxy, leases = MemoryRuntime(clock), MemoryProxy(), MemoryLeases()
    world = World(
        runtime=runtime,
        proxy=proxy,
        http=http,
        backups=MemoryBackups(),
        marks=MemoryMarkStore(leases.newest),
        leases=leases,
        files=answers,
        releases=answers,
        commands=answers,
        secrets=answers,
        journal=Record(MemoryRecord(), clock),
        clock=clock,
        prober=Prober(http, clock),
        canary=CanaryJudge(http, answers, answers, answers, clock),
    )
    furnish(world, http, wanted)
    clock.time = NOW  # an hour later
    return world


def furnish(world: World, http: MemoryHttp, wanted: Desired) -> None:
    """Start a place's copies, route to them, and put down the marks of a rollout that is over."""
    place, seen = wanted.place, settled(wanted)
    for copy in seen.copies:
        address = f"unix//run/{place.app}-{copy.id.role}-{copy.id.number}.sock"
        where = address if copy.id.role == "web" else ""
        http.servers[address] = lambda _path: HttpAnswer(200)
        world.runtime.start(Launch(place, copy.id, ("serve",), "/", {}, "/log", where))
    web = tuple(p for p in world.runtime.processes(place) if p.copy.role == "web")
    upstreams = tuple(Upstream(p.copy, p.address, 1) for p in web)
    world.proxy.put(Site(place, "web", "127.0.0.1:8000", "/", upstreams), NOW - 3600)
    token = world.leases.take(place, "bench", "furnishing", NOW - 3600).token
    for job in seen.jobs:
        world.marks.put_job(place, job, token)
    over = Job(JobKind.ROLLOUT, 2, wanted.revision, JobState.SUCCEEDED, NOW - 3600)
    world.marks.put_job(place, over, token)
    if seen.schema:
        world.marks.put_schema(place, seen.schema, token)
    world.marks.put_prepared(place, seen.prepared, token)


def timed(do: Callable[[], object]) -> float:
    """Seconds, with what was thrown away before it collected before it."""
    gc.collect()
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def plan_all(places: list[tuple[World, Desired]], fresh: bool) -> None:
    """Look at every place and decide; ``fresh`` forgets what copies answered a moment ago."""
    for world, wanted in places:
        if fresh:
            world.prober.forget_all_but(wanted.place, frozenset())
        decision = next_wave(wanted, look(world, wanted.place, wanted))
        if not isinstance(decision, Settled):
            raise TypeError(f"{wanted.place} is not settled: {decision.sentence}")


def measure(apps: int) -> dict[str, Any]:
    """All figures."""
    everyone = [wanted_of(number) for number in range(apps)]
    places = [(world_of(wanted), wanted) for wanted in everyone]
    everything = [timed(lambda: plan_all(places, fresh=True)) for _ in range(ROUNDS)]
    remembered = [timed(lambda: plan_all(places, fresh=False)) for _ in range(ROUNDS)]
    looked = [(wanted, look(world, wanted.place, wanted)) for world, wanted in places]
    decided = [timed(lambda: [next_wave(*pair) for pair in looked]) for _ in range(ROUNDS)]
    empty = Observed(NOW)
    many = max(1, min(apps, 200))
    unfolds = [
        timed(lambda: [unfold(everyone[0], empty) for _ in range(many)]) for _ in range(ROUNDS)
    ]
    seconds = statistics.median(everything)
    return {
        "apps": apps,
        "apps_seconds": round(seconds, 4),
        "apps_seconds_worst": round(max(everything), 4),
        "apps_seconds_per_1000": round(seconds * 1000 / apps, 4),
        "per_app_microseconds": round(seconds * 1e6 / apps, 1),
        "per_app_microseconds_remembered": round(statistics.median(remembered) * 1e6 / apps, 1),
        "decision_microseconds": round(statistics.median(decided) * 1e6 / apps, 1),
        "unfold_from_nothing_microseconds": round(statistics.median(unfolds) * 1e6 / many, 1),
        "waves_from_nothing": len(unfold(everyone[0], empty).waves),
    }


def machine() -> dict[str, Any]:
    """Where the figures were taken."""
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as text."""
    rows = [
        (f"{figures['apps']} settled apps looked at and planned, s", figures["apps_seconds"]),
        ("  the slowest of the rounds, s", figures["apps_seconds_worst"]),
        ("one app, every copy asked, µs", figures["per_app_microseconds"]),
        ("one app, answers remembered, µs", figures["per_app_microseconds_remembered"]),
        ("  of that the decision, µs", figures["decision_microseconds"]),
        (
            f"a whole plan of {figures['waves_from_nothing']} waves from nothing, µs",
            figures["unfold_from_nothing_microseconds"],
        ),
    ]
    return "\n".join(f"{what:52}{figure:>10}" for what, figure in rows)


def met(figures: dict[str, Any]) -> dict[str, bool]:
    """Which of the figures to reach were reached."""
    return {name: figures[name] <= limit for name, limit in LIMITS.items()}


def main() -> int:
    """Measure, print; 1 when a figure was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=1_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the apps")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(max(1, options.apps // 10) if options.quick else options.apps)
    result = {"machine": machine(), "planner": figures, "met": met(figures)}
    print(json.dumps(result, indent=2))
    if not options.json:
        print("\n" + table(figures))
    return 0 if all(result["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
