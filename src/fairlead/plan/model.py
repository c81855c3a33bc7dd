"""The planner's nouns: what is seen, what may be done, what was decided.

Times are seconds since 1970 UTC; limits are seconds.
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple

import msgspec

from fairlead.artifact.model import Schema
from fairlead.base.ids import Digest, Place


class Stage(IntEnum):
    """The order inside a release, the same on every runtime."""

    CONFIG = -30
    BACKUP = -20
    MIGRATE = -10
    CORE = 0
    WORKERS = 10
    SMOKE = 20
    DONE = 30


class CopyId(NamedTuple):
    """One running instance of a role: of which release, which role, and its number from 1."""

    release: int
    role: str
    number: int

    def __str__(self) -> str:
        return f"{self.role}.{self.number} of release {self.release}"


class CopyState(StrEnum):
    """What a look at a copy found."""

    STARTING = "starting"  # the process exists; it has not answered its health path yet
    READY = "ready"
    WRONG = "wrong"  # it answers its health path, with an answer that is not healthy
    CRASHED = "crashed"  # it ended without being asked; the runtime waits or gave up
    STOPPING = "stopping"  # asked to end
    UNKNOWN = "unknown"  # no answer from the runtime or the probe: never read as ready


class Copy(msgspec.Struct, frozen=True):
    """A copy as seen. ``since`` is when it entered its state.

    ``crashes`` counts its ends that nobody asked for; ``gave_up`` is set when the runtime
    will not start it again by itself. ``in_flight`` counts the requests and streams the
    proxy still has open with it; None is not known. ``silent_since`` is when a copy whose
    process runs stopped answering anything at all (0: it answers). ``memory`` is how many bytes
    its processes would give back by ending; None is not known. ``socket_stays``: its socket
    outlives it, and connections wait there for the role's next copy.
    """

    id: CopyId
    state: CopyState
    since: float
    crashes: int = 0
    gave_up: bool = False
    in_flight: int | None = 0
    silent_since: float = 0.0
    detail: str = ""
    pid: int = 0
    memory: int | None = None
    socket_stays: bool = False


class Room(msgspec.Struct, frozen=True):
    """What a place has to roll out in, at the most, in bytes: None is not known.

    ``memory`` is what its processes may yet take, swap included, within every limit around them.
    ``disk`` is what is free of the ``disk_size`` bytes of the home's file system, and ``files``
    how many more files that can hold.
    """

    memory: int | None = None
    disk: int | None = None
    disk_size: int = 0
    files: int | None = None


class Route(msgspec.Struct, frozen=True):
    """Who gets a role's traffic, in which shares, since when.

    Shares are whole numbers relative to each other. An empty route answers 503 with a
    maintenance page. ``edited`` is a print of what the proxy holds where Fairlead did not
    write that, "" where it did.
    """

    role: str
    shares: tuple[tuple[CopyId, int], ...]
    since: float
    edited: str = ""


class JobKind(StrEnum):
    """The effects that leave a durable mark."""

    BACKUP = "backup"
    MIGRATE = "migrate"
    TRY = "try"  # smoke checks on new copies, before they get traffic
    SMOKE = "smoke"  # smoke checks through the proxy
    DONE = "done"  # this release passed smoke under this revision
    ROLLOUT = "rollout"  # the rollout as a whole: begun, and how it ended; the planner ignores it


class JobState(StrEnum):
    """How far a job got."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"  # it was started and nobody can say how it ended: never read as success


class Job(msgspec.Struct, frozen=True):
    """A job's mark: the newest run of ``kind`` for ``release`` and ``role``, under ``revision``.

    Only a ``TRY`` has a role; the others are of the release as a whole. ``intent`` is the
    record's entry that announced the run, so that whoever sees it end can close it.
    """

    kind: JobKind
    release: int
    revision: str
    state: JobState
    since: float
    detail: str = ""
    role: str = ""
    intent: int = 0

    @property
    def key(self) -> tuple[JobKind, int, str]:
        """What a newer run of the same job takes the place of."""
        return self.kind, self.release, self.role


class Health(StrEnum):
    """The verdict from outside on a canary. Not known never advances."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    NOT_KNOWN = "not known"


class Observed(msgspec.Struct, frozen=True):
    """One place, as one look found it.

    ``schema`` is what the last migration that succeeded left behind (None: none ran).
    ``prepared`` are the releases whose directories and settings are laid out;
    ``damaged`` those whose files on disk are no longer what was built.
    ``strays`` are processes that carry our mark and that no copy accounts for.
    ``room``, the copies' memory and ``backup``, how many bytes a backup of the database may take,
    are measured before a rollout's first step only; None is not measured, or not known.
    """

    now: float
    copies: tuple[Copy, ...] = ()
    routes: tuple[Route, ...] = ()
    jobs: tuple[Job, ...] = ()
    schema: Schema | None = None
    prepared: tuple[int, ...] = ()
    damaged: tuple[int, ...] = ()
    strays: tuple[int, ...] = ()
    canary: Health = Health.NOT_KNOWN
    room: Room | None = None
    backup: int | None = None

    def route(self, role: str) -> Route | None:
        """The role's route, or None."""
        return next((route for route in self.routes if route.role == role), None)

    def job(self, kind: JobKind, release: int) -> Job | None:
        """The newest run of that job for that release as a whole, or None."""
        return next((job for job in self.jobs if job.key == (kind, release, "")), None)


class Prepare(msgspec.Struct, frozen=True, tag="prepare"):
    """Lay out the release's directories and settings."""

    release: int
    why: str = ""


class Backup(msgspec.Struct, frozen=True, tag="backup"):
    """Take a backup of what the release's migration may touch, and read it back."""

    release: int
    why: str = ""


class Migrate(msgspec.Struct, frozen=True, tag="migrate"):
    """Run the release's migrate command with the new code."""

    release: int
    why: str = ""


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Start a copy on a socket of its own."""

    copy: CopyId
    why: str = ""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Ask a copy to end its work and end; after its stop limit it is killed."""

    copy: CopyId
    why: str = ""


class Try(msgspec.Struct, frozen=True, tag="try"):
    """Ask the smoke checks of a role's copies that get no traffic yet."""

    release: int
    role: str
    copies: tuple[CopyId, ...]
    why: str = ""


class SetRoute(msgspec.Struct, frozen=True, tag="route"):
    """Give a role's traffic to these copies in these shares, in one switch."""

    role: str
    shares: tuple[tuple[CopyId, int], ...]
    why: str = ""


class DropRoute(msgspec.Struct, frozen=True, tag="drop-route"):
    """Stop serving a role that the release no longer has."""

    role: str
    why: str = ""


class Smoke(msgspec.Struct, frozen=True, tag="smoke"):
    """Ask the smoke checks through the proxy."""

    release: int
    why: str = ""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Mark that this release passed smoke here."""

    release: int
    why: str = ""


class Restore(msgspec.Struct, frozen=True, tag="restore"):
    """Build the release's files again from its commit and put them back, byte for byte."""

    release: int
    why: str = ""


class EndStray(msgspec.Struct, frozen=True, tag="end-stray"):
    """End a process that carries our mark and that no copy accounts for."""

    pid: int
    why: str = ""


Step = (
    Prepare
    | Backup
    | Migrate
    | Start
    | Stop
    | Try
    | SetRoute
    | DropRoute
    | Smoke
    | Done
    | Restore
    | EndStray
)


class Wave(msgspec.Struct, frozen=True, tag="wave"):
    """Steps that may run together, and why now."""

    stage: Stage
    steps: tuple[Step, ...]
    sentence: str


class Waiting(msgspec.Struct, frozen=True, tag="waiting"):
    """Nothing to do until the world moves, or ``until`` (0: no stated time) has come."""

    stage: Stage
    sentence: str
    until: float = 0.0


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """What runs is what should run. ``again_at`` is when something falls due (0: nothing does)."""

    sentence: str
    again_at: float = 0.0


class Halted(msgspec.Struct, frozen=True, tag="halted"):
    """It cannot go on; ``sentence`` says what failed. The way out is a revert."""

    stage: Stage
    sentence: str


Decision = Wave | Waiting | Settled | Halted


class Plan(msgspec.Struct, frozen=True):
    """The ordered way from what runs to what should run: the unfold of the planner.

    ``digest`` is over the place, the release and the waves' steps, not over times, so
    the same way has the same digest whenever it is asked for.
    """

    place: Place
    release: int
    artifact: Digest
    waves: tuple[Wave, ...]
    ends: Settled | Waiting | Halted
    digest: Digest
