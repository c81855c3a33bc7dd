"""What checks need of the world. One contract suite per port in ``tests/contracts``."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import msgspec

from fairlead.base.ids import CommitId
from fairlead.base.secret import Secret
from fairlead.base.stop import Stop
from fairlead.checks.model import Answer, Change, CheckResult, Reply, Verdict
from fairlead.manifest.model import Check

Sink = Callable[[str], None]
"""Where lines for a person go, one call per line, without its line end; must not raise."""


class LaidOut(msgspec.Struct, frozen=True):
    """A commit's tree on disk. ``paths`` are its files and links, sorted; ``notes`` are
    sentences about what a person may not expect (git-lfs pointers)."""

    tree: str
    paths: tuple[str, ...]
    bytes: int
    notes: tuple[str, ...] = ()


class Sources(Protocol):
    """Gives the files of commits."""

    def listing(self, repository: Path, commit: CommitId) -> Mapping[str, str]:
        """Every file and link of the commit: path → what git says it is (mode and blob).

        Raises NotFound for an unknown commit, Refused for a tree that cannot be laid out.
        """
        ...

    def lay_out(
        self, repository: Path, commit: CommitId, directory: Path, only: tuple[str, ...] = ()
    ) -> LaidOut:
        """Exactly the commit's files and links in ``directory``, which must not exist yet.

        With ``only``, those that one of its globs names.

        Raises NotFound for an unknown commit, Refused for a tree that cannot be laid out
        safely (a link that leaves it, a submodule, a name or size past the limits).
        """
        ...


class Command(msgspec.Struct, frozen=True):
    """A command to run to its end. ``environment`` is the whole environment of the process.

    ``limit`` is in seconds. ``log`` is the file its raw output is appended to ("" for none).
    ``writes`` are the directories it may change, ``reads`` what it reads besides its own
    directory and the system's programs: files and directories, where they are there. A runner
    that gives commands a user of their own keeps all else from them.

    Without ``network`` it gets a network of its own that has a loopback and nothing else, where
    the system allows that. All its processes together may use ``memory`` bytes, be ``processes``
    (threads are counted), and write ``disk`` bytes more than there are below ``writes``; 0 is no
    limit. One that goes over is ended.
    """

    argv: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    limit: float
    log: str = ""
    nice: int = 5
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    network: bool = True
    memory: int = 0
    processes: int = 0
    disk: int = 0


class Over(StrEnum):
    """A limit of a command, besides its time."""

    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"


class Exit(msgspec.Struct, frozen=True):
    """How a command ended.

    ``started`` is False when it could not be started: ``detail`` says why. ``signal`` is what
    killed it (0: it ended by itself with ``code``). ``left`` counts processes it left behind,
    which were ended too. ``lost`` is set when nobody can say how it ended. ``over`` is the limit
    it was ended for: ``detail`` has the figures. ``network_on``: it could reach the machine's
    network, because it was to or because the system gives no other.
    """

    code: int = 0
    seconds: float = 0.0
    started: bool = True
    timed_out: bool = False
    signal: int = 0
    left: int = 0
    lost: bool = False
    as_root: bool = False
    log_cut: bool = False
    detail: str = ""
    over: Over | None = None
    network_on: bool = True

    @property
    def well(self) -> bool:
        """Whether it ran, ended by itself and said 0."""
        ended = self.timed_out or self.lost or self.over or self.signal or self.code
        return self.started and not ended


class Runner(Protocol):
    """Runs commands, and leaves none of their processes behind."""

    def run(self, command: Command, show: Sink) -> Exit:
        """Run it to its end or its limit. ``show`` gets its output, line by line, printable.

        Never raises for what the command does. When this process is killed, the command
        and everything it started are killed too.
        """
        ...

    def until(self, stop: Stop) -> "Runner":
        """The same, whose commands are ended, ``lost``, within a second of ``stop``."""
        ...


class Lent(Protocol):
    """What one check got: services with nothing in them that another check left."""

    @property
    def variables(self) -> Mapping[str, str]:
        """By which programs find them (DATABASE_URL, REDIS_URL …)."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The directories of their sockets, which the check must be able to see."""
        ...

    @property
    def network(self) -> bool:
        """Whether one of them can be reached by the machine's network only (AMQP)."""
        ...

    def ended(self) -> str:
        """Why one of them no longer runs, as a sentence; "" while all do. What a check said of a
        service that has ended counts for nothing."""
        ...


class RunningServices(Protocol):
    """The services of one round of checks. Its checks may ask side by side."""

    def give(self, names: tuple[str, ...], check: str) -> AbstractContextManager[Lent]:
        """Services for the time of one check: started by the first who asks; a database of the
        check's own, from a template. Raises Unknown, with the reason, for what cannot be had."""
        ...


class Services(Protocol):
    """Starts real services for tests, on sockets of their own."""

    def versions(self, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Each service's name and the version that would run, "" for one that is not here."""
        ...

    def open(self, room: Path) -> AbstractContextManager[RunningServices]:
        """Nothing is started yet. ``room`` is a directory that is not there: all they write lies
        below it. When the block is left, or this process is killed, they end, and the room goes.
        """
        ...


class VerdictStore(Protocol):
    """Keeps verdicts, so that the next stage starts from the stored value."""

    def put(self, verdict: Verdict) -> None:
        """Keep it, in place of an older one of the commit. Whole or not at all, and durable."""
        ...

    def get(self, app: str, commit: CommitId, overlay: str = "") -> Verdict | None:
        """The stored verdict of a commit with that overlay laid over it, or None.

        Raises Unknown when what is stored cannot be read, or was not signed by this home.
        """
        ...

    def answered(self, app: str, key: str) -> tuple[Verdict, CheckResult] | None:
        """The newest answer to the question with that key that opens a gate, and its verdict.

        None also where what is stored cannot be read, or was not signed by this home.
        """
        ...

    def keep(self, data: bytes) -> str:
        """Keep these bytes; their digest."""
        ...

    def kept(self, digest: str) -> Path:
        """Where they are kept. Raises Unknown when they are gone, or are others now."""
        ...


class Told(msgspec.Struct, frozen=True):
    """What a question of Fairlead's own is told besides the tree: values by its own names, and
    the directories among them that it reads."""

    values: dict[str, Any] = {}
    reads: tuple[str, ...] = ()


class Ours(Protocol):
    """What Fairlead's own questions need of the rest of Fairlead. Each is asked by a check that
    has a question."""

    def key(self, change: Change, check: Check) -> str:
        """A digest of all that the answer depends on besides the tree; "" where it must be asked
        each time."""
        ...

    def told(self, change: Change, check: Check, room: Path) -> Told:
        """What the question is told. What has to be laid out for it lies in ``room``, which is
        removed afterwards. Raises FairleadError: then the answer is not known."""
        ...

    def reply(self, change: Change, check: Check) -> Reply | None:
        """The answer to a question that needs no tree; None for one that is asked in a cell.
        Raises FairleadError: then the answer is not known."""
        ...


class ForgeAt(msgspec.Struct, frozen=True):
    """A repository on a forge: "github", "gitlab", "bitbucket" or "forgejo"; the address its API
    starts at ("" for the public one's); and its name there, ``owner/name`` (or GitLab's number)."""

    kind: str
    repository: str
    api: str = ""


class Sent(msgspec.Struct, frozen=True):
    """What became of something to be shown on a forge: whether it stands there, in a sentence."""

    done: bool
    sentence: str


class Forge(Protocol):
    """Shows a verdict where people look at a change. Never raises for what the forge does:
    whether it could be told is an answer, and changes no verdict."""

    def status(
        self, commit: CommitId, name: str, answer: Answer | None, sentence: str, url: str = ""
    ) -> Sent:
        """Show the answer beside a commit; None while it is being asked. One of the same
        ``name`` is replaced. ``url`` is where a person finds more."""
        ...

    def comment(self, request: str, name: str, text: str) -> Sent:
        """Show a text (Markdown) on a change request, by its number. Our own of the same
        ``name`` is rewritten, and nobody else's is."""
        ...


Forges = Callable[[ForgeAt, Secret], Forge]
"""The forge at a place, spoken to with a token. Raises UsageError where that would show it."""
