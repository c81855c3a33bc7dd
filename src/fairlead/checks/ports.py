"""What checks need of the world. One contract suite per port in ``tests/contracts``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from fairlead.base.ids import CommitId
from fairlead.base.stop import Stop
from fairlead.checks.model import Verdict

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

    def lay_out(self, repository: Path, commit: CommitId, directory: Path) -> LaidOut:
        """Exactly the commit's files and links in ``directory``, which must not exist yet.

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
    """

    argv: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    limit: float
    log: str = ""
    nice: int = 5
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


class Exit(msgspec.Struct, frozen=True):
    """How a command ended.

    ``started`` is False when it could not be started: ``detail`` says why. ``signal`` is what
    killed it (0: it ended by itself with ``code``). ``left`` counts processes it left behind,
    which were ended too. ``lost`` is set when nobody can say how it ended.
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

    @property
    def well(self) -> bool:
        """Whether it ran, ended by itself and said 0."""
        return self.started and not (self.timed_out or self.lost or self.signal or self.code)


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


class VerdictStore(Protocol):
    """Keeps verdicts, so that the next stage starts from the stored value."""

    def put(self, verdict: Verdict) -> None:
        """Keep it, in place of an older one of the commit. Whole or not at all, and durable."""
        ...

    def get(self, app: str, commit: CommitId, overlay: str = "") -> Verdict | None:
        """The stored verdict of a commit with that overlay laid over it, or None.

        Raises Unknown when what is stored cannot be read.
        """
        ...
