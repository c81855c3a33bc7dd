"""What a rollout needs of the world. One contract suite per port in ``tests/contracts``,
run on the memory driver and on every real one.

Every call may raise FairleadError; ``Unknown`` where the world gave no answer.
Every call is safe to repeat: asking for what already is changes nothing.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from fairlead.artifact.model import Schema
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.desired.model import Release
from fairlead.plan.model import CopyId, Job, Room


class Launch(msgspec.Struct, frozen=True):
    """How one copy is started. ``address`` is ``unix//path`` or ``host:port``, "" for none.

    ``environment`` and ``secrets`` together are the whole environment of the process; of the
    secrets nothing may stand in an argument list, a log, or a file that others can read.
    ``log`` is the file its output is appended to. ``stop`` is how many seconds it may take to
    end once asked. ``data`` is the place's own directory, the one it may write to. ``memory`` is
    how many bytes of memory it may use and ``tasks`` how many threads and processes (0: no
    limit); a runtime that has no means to hold a process to that lets it be. So it does with what
    ``notify`` (it says when it has started) and ``watchdog`` (and then every so many seconds that
    it lives) ask for.

    With ``socket`` the copy is handed a socket that listens at ``address``, as systemd does
    (sd_listen_fds(3)). Where the runtime can, the socket outlives the copy and waits for the next
    one of its role.
    """

    place: Place
    copy: CopyId
    argv: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    log: str
    address: str = ""
    stop: int = 30
    secrets: Mapping[str, Secret] = {}
    data: str = ""
    memory: int = 0
    tasks: int = 0
    notify: bool = False
    watchdog: int = 0
    socket: bool = False


class ProcessState(StrEnum):
    """What the runtime knows of a copy's process."""

    RUNNING = "running"
    CRASHED = "crashed"  # ended unasked; waiting for the next try, or given up
    STOPPING = "stopping"
    UNKNOWN = "unknown"


class Process(msgspec.Struct, frozen=True):
    """A copy's process as the runtime sees it. ``since`` is when it entered its state.

    ``crashes`` counts its ends unasked since it was started by ``start``; ``gave_up`` is
    set when the runtime will not try again by itself. ``socket_stays``: its socket is the
    runtime's and outlives it, so that connections wait there for the role's next copy.
    """

    copy: CopyId
    state: ProcessState
    since: float
    pid: int = 0
    address: str = ""
    crashes: int = 0
    gave_up: bool = False
    detail: str = ""
    socket_stays: bool = False


class Task(msgspec.Struct, frozen=True):
    """A command that runs once, outlives the process that started it, and leaves its outcome.

    ``key`` names the run ("migrate-7-<revision>"): the same key never runs twice. ``secrets``
    and ``data`` are as in ``Launch``.
    """

    place: Place
    key: str
    argv: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    log: str
    limit: int
    secrets: Mapping[str, Secret] = {}
    data: str = ""


class TaskState(StrEnum):
    """How far a task got."""

    ABSENT = "absent"  # never started
    RUNNING = "running"
    EXITED = "exited"
    LOST = "lost"  # it was started, it is gone, and it left no outcome


class TaskSeen(msgspec.Struct, frozen=True):
    """A task as seen. ``exit`` is its exit code once EXITED (124: past its limit)."""

    state: TaskState
    exit: int = 0
    since: float = 0.0


class Runtime(Protocol):
    """Runs copies and tasks, and keeps them running without us."""

    def processes(self, place: Place) -> tuple[Process, ...]:
        """All copies it knows at a place, also stopping and crashed ones; stopped ones are gone."""
        ...

    def start(self, launch: Launch) -> None:
        """Start a copy and keep it running: a crash is followed by a restart with back-off.

        Returns once the process exists, not once it is ready. A copy that is
        already running is left alone; one it gave up on is started afresh.
        """
        ...

    def stop(self, place: Place, copy: CopyId, keep_socket: bool = False) -> None:
        """Ask it to end (SIGTERM), kill what is left after its stop limit. Does not wait.

        A socket that could outlive it does so only with ``keep_socket``.
        """
        ...

    def run(self, task: Task) -> None:
        """Start a task once. Returns at once."""
        ...

    def task(self, place: Place, key: str) -> TaskSeen:
        """How far a task got."""
        ...

    def strays(self, place: Place) -> tuple[int, ...]:
        """Process ids that carry the place's mark and that no copy or task accounts for."""
        ...

    def end_stray(self, place: Place, pid: int) -> None:
        """End one of ``strays``. Refuses any other process."""
        ...


class Upstream(msgspec.Struct, frozen=True):
    """A copy's share of a role's traffic, in percent of the whole (any whole numbers work)."""

    copy: CopyId
    address: str
    share: int


class AssetRoot(msgspec.Struct, frozen=True):
    """Files served by the proxy itself: ``directory`` at ``url``."""

    url: str
    directory: str


class Tls(msgspec.Struct, frozen=True):
    """HTTPS for a site: PEM files of the certificate with its chain, and of its key.

    With ``certificate`` "" it is one that this machine gets by itself for the site's names. Until
    there is one, the site is served at ``plain`` alone.

    ``plain`` is an address for plain requests, "" for none; they are sent on to HTTPS where
    ``redirect`` is set, and else served. ``hsts`` is for how many seconds browsers are told to come
    by HTTPS only (RFC 6797), 0: not told.
    """

    certificate: str = ""
    key: str = ""
    plain: str = ""
    hsts: int = 0
    redirect: bool = True


class Site(msgspec.Struct, frozen=True):
    """All the proxy must know of one serving role.

    ``assets`` are tried in order: the release that serves first, then those before
    it; a file found in none of them is asked of the copies. ``stream_limit`` is how
    many seconds WebSockets and other streams get to end once their copy is let go.

    ``listen`` is ``host:port``, or ``:443`` for all addresses of the machine. ``names`` are the
    host names it answers to (``shop.example``, ``*.shop.example``); () answers to every name, and
    then nobody else may listen there. ``canonical`` is the one that requests for the others are
    sent on to, "" for none. ``own`` is an address more, that answers to every name and belongs to
    this place alone: what we ask ourselves is asked there. All of a place's roles have these, and
    ``tls``, in common: those put last hold.

    ``body_limit`` is how many bytes a request's body may have. While ``maintenance`` is set
    everybody is told to come back, though copies serve; what is in flight goes on.
    """

    place: Place
    role: str
    listen: str
    route: str
    upstreams: tuple[Upstream, ...]
    assets: tuple[AssetRoot, ...] = ()
    stream_limit: int = 30
    names: tuple[str, ...] = ()
    tls: Tls | None = None
    body_limit: int = 256 * 1024 * 1024
    maintenance: bool = False
    canonical: str = ""
    own: str = ""


class SiteSeen(msgspec.Struct, frozen=True):
    """A role's site as the proxy holds it. ``since`` is when its upstreams were last set.

    ``edited`` is a print of what the proxy holds where that is not what was last given to
    it, "" where it is: another change has another print.
    """

    site: Site
    since: float
    edited: str = ""


class Counters(msgspec.Struct, frozen=True):
    """Requests ended at a place since ``since``, and how many of them the proxy answered 5xx.

    Two readings may be subtracted where their ``since`` is the same; another one means that
    the counting began anew in between. A stream counts when it ends.
    """

    requests: int
    failed: int
    since: float


class Proxy(Protocol):
    """Takes the users' requests and hands them to copies."""

    def sites(self, place: Place) -> tuple[SiteSeen, ...]:
        """What it serves at a place now, read from the proxy itself."""
        ...

    def put(self, site: Site, now: float) -> None:
        """Switch to exactly this. Acknowledged: when it returns, new requests go nowhere else."""
        ...

    def remove(self, place: Place, role: str) -> None:
        """Stop serving a role."""
        ...

    def holders(self, names: Collection[str]) -> Mapping[str, Place]:
        """Which place has each of these names; a name that nobody has is missing."""
        ...

    def refresh(self, place: Place) -> bool:
        """Serve by the certificates that are there now; whether that changed anything.

        Nothing else changes, and nobody is switched; what was edited is left as it is.
        """
        ...

    def in_flight(self, place: Place) -> Mapping[str, int]:
        """Requests and streams open with each address, also with addresses already let go.

        An address that is missing has none. Raises Unknown when the proxy does not answer.
        """
        ...

    def counters(self, place: Place) -> Counters:
        """Requests and failures so far. Raises Unknown when the proxy does not answer."""
        ...


class HttpAnswer(msgspec.Struct, frozen=True):
    """An answer to a request: status 0 means none came, and ``detail`` says why."""

    status: int
    body: bytes = b""
    detail: str = ""


class Http(Protocol):
    """Asks a copy, or the proxy."""

    def get(self, address: str, path: str, limit: float, host: str = "localhost") -> HttpAnswer:
        """GET over ``unix//path`` or ``host:port``; never raises for what the other side does."""
        ...


class Laid(msgspec.Struct, frozen=True):
    """Where a release lies on this machine.

    ``data`` is the place's own directory, which outlives releases. ``variables`` are the
    environment that every process of the release gets besides its settings, PATH among
    them. ``assets`` is the directory of the files that the proxy serves, "" for none.
    """

    tree: str
    data: str
    variables: tuple[tuple[str, str], ...] = ()
    assets: str = ""


class Public(msgspec.Struct, frozen=True):
    """Where the world asks for places that have domains: plainly, and by HTTPS."""

    plain: str = ":80"
    secure: str = ":443"


class Files(Protocol):
    """Lays releases out on this machine."""

    def lay_out(self, place: Place, release: Release) -> None:
        """Make sure that the release's files and the place's directories are there.

        Raises Refused when the artifact is missing here.
        """
        ...

    def laid(self, place: Place, release: Release) -> Laid:
        """Where they are."""
        ...

    def damaged(self, release: Release) -> tuple[str, ...]:
        """Paths that are no longer what was built; () when none. Quick: it compares file facts."""
        ...

    def restore(self, release: Release) -> tuple[str, ...]:
        """Build it again from its commit and put back what differs; the paths that did.

        What was added is kept, out of the way. Raises Refused when the digest differs.
        """
        ...

    def address(self, place: Place, copy: CopyId, by_port: bool, for_role: bool = False) -> str:
        """A free address for a new copy: ``unix//path``, or ``127.0.0.1:port``.

        ``for_role``: the one that its role keeps, where the runtime can hold a socket there.
        """
        ...

    def listen(self, place: Place) -> str:
        """The proxy's address for the place (``127.0.0.1:8000``); chosen once, then kept."""
        ...

    def public(self) -> Public | None:
        """Where places with domains are asked for; None where each is at its own address only."""
        ...

    def move(self, place: Place, release: Release) -> None:
        """Give the place another address, unless its manifest names the one it has."""
        ...

    def log(self, place: Place, name: str) -> str:
        """The log file of a copy or a task."""
        ...

    def said(self, place: Place, name: str) -> str:
        """The end of a copy's or task's log, as text; "" where there is none."""
        ...

    def backups(self, place: Place) -> str:
        """The directory of the place's backups."""
        ...


class Releases(Protocol):
    """Finds releases, to know the roles of copies that still run."""

    def get(self, app: str, number: int) -> Release | None:
        """The release, verified; None when there is none."""
        ...


class Secrets(Protocol):
    """Opens what is sealed."""

    def values(self, place: Place, release: Release) -> Mapping[str, Secret]:
        """The secrets that the release names at a place, in the versions that it names.

        Raises Refused when one of them is missing or cannot be opened.
        """
        ...


class Asked(msgspec.Struct, frozen=True):
    """How a command ended. ``exit`` 124: past its limit; 127: it could not be started."""

    exit: int
    output: str = ""


class Commands(Protocol):
    """Runs a short command of the team's: a smoke check, a canary's verdict."""

    def ask(
        self,
        place: Place,
        argv: tuple[str, ...],
        directory: str,
        environment: Mapping[str, str],
        limit: float,
        secrets: Mapping[str, Secret],
    ) -> Asked:
        """Run it to its end or its limit, as what runs at the place does. ``output`` is the last
        of what it printed."""
        ...


class Capacity(Protocol):
    """Measures what a place has to roll out in. What cannot be read is not known, and no error."""

    def room(self, place: Place) -> Room:
        """What is left, at the most."""
        ...

    def memory(self, pids: Collection[int]) -> Mapping[int, int]:
        """For each process: bytes that it, and all those it started, would give back by ending.

        A process that is gone, or of which that is not known, is missing.
        """
        ...


class BackupTaken(msgspec.Struct, frozen=True):
    """A backup that was read back. ``proof`` says what the reading back found."""

    path: str
    bytes: int
    proof: str


class Backups(Protocol):
    """Takes a backup of a database and reads it back."""

    def take(self, url: str, directory: str, name: str) -> BackupTaken:
        """Back up the database at ``url`` into ``directory``/``name``….

        A database that does not exist yet is an empty backup that says so. Raises
        FairleadError unless the backup was read back whole.
        """
        ...

    def size(self, url: str) -> int | None:
        """How many bytes a backup of it takes at the most; None is not known."""
        ...


class Marks(msgspec.Struct, frozen=True):
    """What a place remembers: each job's newest run, the schema, what is prepared.

    ``adopted`` names changes of the world that a person accepted as they are.
    """

    jobs: tuple[Job, ...] = ()
    schema: Schema | None = None
    prepared: tuple[int, ...] = ()
    adopted: tuple[str, ...] = ()


class MarkStore(Protocol):
    """Keeps a place's marks through any crash."""

    def read(self, place: Place) -> Marks:
        """The marks; empty for a place never heard of. Raises FairleadError when damaged."""
        ...

    def put_job(self, place: Place, job: Job, token: int) -> None:
        """Remember a job's newest run. Durable before it returns.

        ``token`` is the lease's fencing token: a smaller one than the newest seen is refused.
        """
        ...

    def put_schema(self, place: Place, schema: Schema, token: int) -> None:
        """Remember what the last migration left behind. Durable, fenced."""
        ...

    def put_prepared(self, place: Place, releases: tuple[int, ...], token: int) -> None:
        """Remember which releases are laid out. Durable, fenced."""
        ...

    def put_adopted(self, place: Place, adopted: tuple[str, ...]) -> None:
        """Remember which changes a person accepted. Durable; not fenced: no rollout writes it."""
        ...


class LeaseHeld(msgspec.Struct, frozen=True):
    """Who holds a place. ``token`` grows with every holder (fencing)."""

    place: Place
    owner: str
    reason: str
    token: int
    since: float
    expires: float
    taken_from: str = ""


class Leases(Protocol):
    """One rollout at a time per place (promise 10)."""

    def take(self, place: Place, owner: str, reason: str, now: float) -> LeaseHeld:
        """Take it. A stale one (expired, or its process is gone) is taken over and
        ``taken_from`` explains it. Raises Busy: by whom, since when, why."""
        ...

    def renew(self, held: LeaseHeld, now: float) -> LeaseHeld:
        """Heartbeat. Raises Refused when somebody else took it meanwhile."""
        ...

    def release(self, held: LeaseHeld) -> None:
        """Give it back; harmless when it was taken over."""
        ...

    def holder(self, place: Place) -> LeaseHeld | None:
        """Who holds it, stale or not; for showing."""
        ...
