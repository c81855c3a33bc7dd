"""A whole world on the memory drivers, by a clock that is moved by hand.

Everything that Fairlead would do to a machine is done to values here; what the world does by
itself (copies boot, answer, crash; users ask) follows the clock. One ``MemoryWorld`` outlives the
processes that work on it: ``process`` gives what one of them holds, as ``wire`` would.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fairlead.artifact.model import Artifact, Schema
from fairlead.base.errors import Refused
from fairlead.base.ids import CommitId, Digest, Place
from fairlead.base.secret import Secret
from fairlead.desired.model import Desired, Release
from fairlead.drivers.memory_backups import MemoryBackups
from fairlead.drivers.memory_capacity import MemoryCapacity
from fairlead.drivers.memory_leases import MemoryLeases
from fairlead.drivers.memory_marks import MemoryMarkStore
from fairlead.drivers.memory_proxy import SILENT, MemoryHttp, MemoryProxy
from fairlead.drivers.memory_record import MemoryRecord
from fairlead.drivers.memory_runtime import MemoryRuntime
from fairlead.manifest.model import (
    App,
    Assets,
    BlueGreen,
    Build,
    Environment,
    Migrate,
    Role,
    Smoke,
    Strategy,
)
from fairlead.plan.model import CopyId, JobState
from fairlead.record.flow import Record
from fairlead.rollout.canary import CanaryJudge
from fairlead.rollout.ports import Asked, HttpAnswer, Laid, ProcessState, Public, Task
from fairlead.rollout.probe import Prober
from fairlead.rollout.world import World

PLACE = Place("river", "local")
LISTEN = "127.0.0.1:8000"
DATABASE = "sqlite:////data/river.sqlite"

ROLES = (
    Role("web", "serve {socket}", copies=2, health="/healthz", ready=20, stop=10),
    Role("api", "serve-api {socket}", health="/healthz", singleton=True, ready=20, stop=10),
    Role("clock", "tick", singleton=True, settle=1, stop=5),
    Role("work", "work", copies=2, settle=1, stop=5),
)
WEB = (Role("web", "serve {socket}", copies=2, health="/healthz", ready=20, stop=10),)


def release(
    number: int, roles: tuple[Role, ...] = ROLES, schema: str = "", smokes: bool = True
) -> Release:
    """A release with a migration of its own, unless a ``schema`` is shared."""
    serving = [role.name for role in roles if role.serves]
    app = App(
        name=PLACE.app,
        build=Build("python", assets=Assets("/static/", "static", keep=100)),
        roles=roles,
        environments=(Environment("local"),),
        migrate=Migrate("migrate", database="DATABASE_URL"),
        smokes=tuple(Smoke(f"s-{r}", role=r, path="/", limit=2) for r in serving) if smokes else (),
    )
    artifact = Artifact(
        app=PLACE.app,
        commit=CommitId(f"{number:040x}"),
        digest=Digest(f"sha256:{number:064x}"),
        schema=Schema(Digest(f"sha256:{schema or number:>064}")),
    )
    settings = (("local", (("DATABASE_URL", DATABASE),)),)
    return Release(PLACE.app, number, artifact, app, settings, Digest("verdict"), "then", "anna")


def desired(
    of: Release,
    strategy: Strategy | None = None,
    previous: int = 0,
    how: str = "release",
    revision: str = "",
) -> Desired:
    """What the deploy repo would say."""
    named = revision or f"revision-{of.number}-{how}"
    return Desired(PLACE, named, of, strategy or BlueGreen(), how, previous, "a change", "anna")


class HandClock:
    """Time moves only when somebody sleeps, and then by half a second at least."""

    LEAST = 0.5

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.hooks: list[Callable[[], None]] = []
        """What the world does whenever time has passed."""

    def now(self) -> float:
        """The hand's time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move the hand, and let the world move with it."""
        self.time += max(self.LEAST, seconds)
        for hook in self.hooks:
            hook()


@dataclass(frozen=True)
class Behaviour:
    """How a release behaves: seconds until its copies answer, what they answer, which roles
    crash (and how long after their start), how its migration exits (None: it is lost)."""

    boots: float = 0.6
    health: int = 200
    page: int = 200
    crashes: tuple[str, ...] = ()
    crashes_after: float = 0.0
    migration: int | None = 0


class MemoryFiles:
    """The Files port: releases lie where their numbers say."""

    def __init__(self, listening: Callable[[str], None]) -> None:
        self.broken: set[int] = set()
        """Releases whose files are not what was built."""
        self.laid_out: list[int] = []
        self.moved: list[int] = []
        self.told = ""
        self.world_asks: Public | None = None
        self._listening = listening
        self._ports = iter(range(20_000, 60_000))

    def lay_out(self, place: Place, release: Release) -> None:
        """Nothing to make in memory."""
        self.laid_out.append(release.number)

    def laid(self, place: Place, release: Release) -> Laid:
        """A tree per release, one data directory."""
        tree = f"/store/{release.number}"
        return Laid(tree, "/data", (("PATH", "/bin"),), f"{tree}/static")

    def damaged(self, release: Release) -> tuple[str, ...]:
        """Whether somebody laid hands on it."""
        return ("a.py",) if release.number in self.broken else ()

    def restore(self, release: Release) -> tuple[str, ...]:
        """Build it again; what was put back."""
        back = self.damaged(release)
        self.broken.discard(release.number)
        return back

    def address(self, place: Place, copy: CopyId, by_port: bool, for_role: bool = False) -> str:
        """A socket of the copy's or the role's own, or the next port."""
        if for_role:
            self._listening(f"unix//run/{copy.role}.sock")
            return f"unix//run/{copy.role}.sock"
        path = f"unix//run/r{copy.release}-{copy.role}-{copy.number}.sock"
        address = f"127.0.0.1:{next(self._ports)}" if by_port else path
        self._listening(address)
        return address

    def listen(self, place: Place) -> str:
        """The proxy's address."""
        return LISTEN

    def public(self) -> Public | None:
        """Ports 80 and 443, where the world is a server."""
        return self.world_asks

    def move(self, place: Place, release: Release) -> None:
        """Note that another address was asked for."""
        self.moved.append(release.number)

    def log(self, place: Place, name: str) -> str:
        """Nowhere."""
        return f"/logs/{name}.log"

    def said(self, place: Place, name: str) -> str:
        """What the tests say that it told."""
        return self.told

    def backups(self, place: Place) -> str:
        """The directory of backups."""
        return "/backups"


class MemoryReleases:
    """The Releases port."""

    def __init__(self) -> None:
        self.known: dict[int, Release] = {}

    def get(self, app: str, number: int) -> Release | None:
        """One by number."""
        return self.known.get(number)


class MemoryCommands:
    """The Commands port: what each program answers."""

    def __init__(self) -> None:
        self.answers: dict[str, Asked] = {}
        self.asked: list[tuple[tuple[str, ...], Mapping[str, str]]] = []
        self.given: list[Mapping[str, Secret]] = []

    def ask(
        self,
        place: Place,
        argv: tuple[str, ...],
        directory: str,
        environment: Mapping[str, str],
        limit: float,
        secrets: Mapping[str, Secret],
    ) -> Asked:
        """The answer of that program; 127 for one nobody knows."""
        self.asked.append((argv, environment))
        self.given.append(secrets)
        return self.answers.get(argv[0], Asked(127, "not found"))


class MemorySecrets:
    """The Secrets port: the values of each version of a name."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], str] = {}

    def values(self, place: Place, release: Release) -> Mapping[str, Secret]:
        """Those that the release names; refused where one is not known."""
        named = release.secrets_in(place.environment)
        if named.items() - self.known.keys():
            raise Refused("a version is not there", "git log")
        return {name: Secret(self.known[name, version]) for name, version in named.items()}


Wrap = Callable[[str, Any], Any]
"""What stands between a process and a port: given its name and it."""


@dataclass
class MemoryWorld:
    """The machine, the users and the record; survives every process."""

    clock: HandClock = field(default_factory=HandClock)
    behaviours: dict[int, Behaviour] = field(default_factory=dict)
    migrated: list[tuple[int, int | None, tuple[str, ...]]] = field(default_factory=list)
    """Per run of a migration: the release, its exit, and the backups there were."""
    dead: set[str] = field(default_factory=set)
    """Owners whose process is gone."""

    def __post_init__(self) -> None:
        self.runtime = MemoryRuntime(
            self.clock, stop_takes=0.4, task_takes=0.4, restart_after=0.3, exits=self._migrate
        )
        self.proxy, self.http = MemoryProxy(), MemoryHttp()
        self.backups = MemoryBackups({DATABASE: {"levels": 12}})
        self.capacity = MemoryCapacity()
        self.leases = MemoryLeases(gone=lambda o: "its process is gone" if o in self.dead else "")
        self.marks = MemoryMarkStore(self.leases.newest)
        self.files = MemoryFiles(self._listening)
        self.releases, self.commands = MemoryReleases(), MemoryCommands()
        self.secrets = MemorySecrets()
        self.store = MemoryRecord()
        self.record = Record(self.store, self.clock)
        self.http.servers[LISTEN] = self._through_proxy
        self.clock.hooks.append(self._crash)

    def process(self, wrap: Wrap = lambda _name, port: port) -> World:
        """What a new process holds: the ports, and an empty memory of its own."""
        http, commands, files, secrets = (
            wrap("http", self.http),
            wrap("commands", self.commands),
            wrap("files", self.files),
            wrap("secrets", self.secrets),
        )
        return World(
            runtime=wrap("runtime", self.runtime),
            proxy=wrap("proxy", self.proxy),
            http=http,
            backups=wrap("backups", self.backups),
            capacity=wrap("capacity", self.capacity),
            marks=wrap("marks", self.marks),
            leases=wrap("leases", self.leases),
            files=files,
            releases=wrap("releases", self.releases),
            commands=commands,
            secrets=secrets,
            journal=wrap("journal", self.record),
            clock=self.clock,
            prober=Prober(http, self.clock),
            canary=CanaryJudge(http, commands, files, secrets, self.clock),
        )

    def publish(self, of: Release, behaviour: Behaviour | None = None) -> Release:
        """A release exists, and behaves so."""
        self.releases.known[of.number] = of
        self.behaviours[of.number] = behaviour or Behaviour()
        return of

    def copy_at(self, address: str) -> CopyId | None:
        """The copy whose process runs behind an address."""
        return next(
            (
                process.copy
                for process in self.runtime.processes(PLACE)
                if process.address == address and process.state is ProcessState.RUNNING
            ),
            None,
        )

    def serving(self) -> set[int]:
        """The releases that get traffic."""
        sites = self.proxy.sites(PLACE)
        return {upstream.copy.release for seen in sites for upstream in seen.site.upstreams}

    def running(self) -> dict[CopyId, ProcessState]:
        """Every copy."""
        return {process.copy: process.state for process in self.runtime.processes(PLACE)}

    def end_state(self) -> tuple[object, ...]:
        """What is left once all is quiet, without times, process ids and entry numbers."""
        marks = self.marks.read(PLACE)
        jobs = {(j.kind, j.release, j.role) for j in marks.jobs if j.state is JobState.SUCCEEDED}
        sites = [(s.site.role, s.site.upstreams) for s in self.proxy.sites(PLACE)]
        return self.running(), sites, jobs, marks.schema, marks.prepared

    def _migrate(self, task: Task) -> int | None:
        number = int(task.key.split("-")[1])
        code = self.behaviours[number].migration
        self.migrated.append((number, code, tuple(self.backups.taken)))
        return code

    def _listening(self, address: str) -> None:
        self.http.servers[address] = lambda path: self._answer(address, path)

    def _answer(self, address: str, path: str) -> HttpAnswer:
        found = [
            process
            for process in self.runtime.processes(PLACE)
            if process.address == address and process.state is ProcessState.RUNNING
        ]
        if not found:
            return SILENT
        behaviour = self.behaviours[found[0].copy.release]
        if self.clock.now() < found[0].since + behaviour.boots:
            return SILENT
        return HttpAnswer(behaviour.health if path == "/healthz" else behaviour.page, b"{}")

    def _through_proxy(self, path: str) -> HttpAnswer:
        sites = self.proxy.sites(PLACE)
        role = sites[0].site.role if sites else ""
        address = self.proxy.begin(PLACE, role)
        if not address:
            return HttpAnswer(503)
        answer = self._answer(address, path)
        self.proxy.end(PLACE, address, answer.status or 502)
        return answer

    def _crash(self) -> None:
        """Copies of roles that crash do so, once they have run for long enough."""
        if self.runtime.down:
            return
        for process in self.runtime.processes(PLACE):
            how = self.behaviours.get(process.copy.release, Behaviour())
            due = self.clock.now() >= process.since + how.crashes_after
            running = process.state is ProcessState.RUNNING
            if process.copy.role in how.crashes and due and running:
                self.runtime.crash(PLACE, process.copy)


def with_strategy(wanted: Desired, strategy: Strategy) -> Desired:
    """The same, by another strategy."""
    return msgspec.structs.replace(wanted, strategy=strategy)
