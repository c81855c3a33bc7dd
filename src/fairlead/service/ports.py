"""What the verbs need of the world beyond what the rooms need."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from fairlead.base.ids import CommitId
from fairlead.checks.ports import LaidOut


class CommitSaid(Protocol):
    """What a commit says of itself."""

    @property
    def tree(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def subject(self) -> str: ...


class Repositories(Protocol):
    """The bare repositories that users push apps to."""

    def receiving(self, quarantine: Mapping[str, str]) -> "Repositories":
        """The same, and what a push under way brings (git-receive-pack(1), quarantine)."""
        ...

    def ensure_repository(self, path: Path, branch: str = "main") -> None:
        """Make it, unless it is there."""
        ...

    def install_hooks(self, repository: Path, argv: Sequence[str]) -> None:
        """Hooks that become ``argv… hook NAME``."""
        ...

    def resolve(self, repository: Path, revision: str) -> CommitId:
        """The commit a branch, tag or id names. Raises NotFound."""
        ...

    def facts(self, repository: Path, commit: CommitId) -> CommitSaid:
        """What the commit says of itself. Raises NotFound."""
        ...

    def changed_commits(
        self, repository: Path, old: CommitId | None, new: CommitId, limit: int = 200
    ) -> tuple[tuple[CommitId, str], ...]:
        """(id, subject) of the commits in ``new`` that ``old`` lacks, newest first."""
        ...

    def read(self, repository: Path, commit: CommitId, path: str) -> bytes | None:
        """One file's bytes at a commit; None when there is no such file."""
        ...

    def merged(self, repository: Path, onto: CommitId, commit: CommitId) -> CommitId:
        """What a branch at ``onto`` would be with ``commit`` merged into it; ``commit`` where it
        has that already. Raises Refused, with the conflicts, and NotFound."""
        ...

    def is_ancestor(self, repository: Path, old: CommitId, new: CommitId) -> bool:
        """Whether ``new`` is ``old`` or was made from it."""
        ...

    def keep(self, repository: Path, commit: CommitId) -> None:
        """Keep the commit alive whatever happens to its branch."""
        ...

    def laid_over(
        self, repository: Path, commit: CommitId, base: CommitId, patch: bytes
    ) -> CommitId:
        """The commit with a patch, made against ``base``, merged into it: the same each time.

        Raises Refused with every conflict, NotFound for an unknown base.
        """
        ...

    def take(self, repository: Path, clone: Path, commit: CommitId) -> None:
        """Take a commit of another repository of this machine over, and keep it alive."""
        ...

    def move(self, repository: Path, branch: str, commit: CommitId, old: str) -> None:
        """Point a branch at a commit that it has. Raises FairleadError where the branch is not
        at ``old`` ("": is not there)."""
        ...

    def patch_between(self, repository: Path, old: CommitId, new: CommitId) -> bytes:
        """What changed from one commit to another, as a patch that ``laid_over`` takes."""
        ...

    def listing(self, repository: Path, commit: CommitId) -> Mapping[str, str]:
        """See ``fairlead.checks.ports.Sources``."""
        ...

    def lay_out(
        self, repository: Path, commit: CommitId, directory: Path, only: tuple[str, ...] = ()
    ) -> LaidOut:
        """The commit's tree, exactly."""
        ...


class MachineSeen(msgspec.Struct, frozen=True):
    """The process ids of the home's own processes; 0: it does not run. ``listening`` says
    whether an agent can be woken, also one that no supervisor started."""

    supervisor: int
    proxy: int
    agent: int
    listening: bool


class Machine(Protocol):
    """The embedded default's own processes: supervisor, proxy, agent."""

    def ensure(self) -> bool:
        """Start what does not run; True when anything was started now."""
        ...

    def ensure_agent(self) -> bool:
        """Start the agent unless it runs; True when it was started now."""
        ...

    def replace_agent(self) -> bool:
        """Put an agent under the supervisor in this one's place; True when this one is to end.

        One that a person runs in the foreground goes on.
        """
        ...

    def wake(self) -> bool:
        """Tell the agent to look now; False when none listens."""
        ...

    def stop_agent(self) -> None:
        """Ask the agent to end, and wait until it has; copies run on. Raises Unknown."""
        ...

    def seen(self) -> MachineSeen:
        """What runs of the home's own; starts nothing and wakes nobody."""
        ...

    def shutdown(self) -> None:
        """End everything of this home."""
        ...

    def alive(self, pid: int) -> bool:
        """Whether that process is there; one that took its number counts."""
        ...

    def copy_listen(self, key: str) -> str:
        """A free ``127.0.0.1:port`` for the copy of that name."""
        ...

    def free_listen(self, taken: frozenset[str]) -> str:
        """A free ``127.0.0.1:port`` that is not in ``taken``."""
        ...


class Notes(Protocol):
    """Small durable facts of the service itself, by app."""

    def handled(self, app: str) -> Mapping[str, str]:
        """The commit of each branch that was taken up last."""
        ...

    def put_handled(self, app: str, branch: str, commit: str) -> None:
        """Durable before it returns."""
        ...

    def listen(self, key: str) -> str:
        """The proxy address a place was given; "" for none."""
        ...

    def put_listen(self, key: str, address: str) -> None:
        """Durable before it returns."""
        ...

    def listens(self) -> frozenset[str]:
        """All addresses given to places."""
        ...


class Captured(Protocol):
    """What a clone has over a commit: a patch, the commit, the files it touches."""

    @property
    def base(self) -> CommitId: ...
    @property
    def patch(self) -> bytes: ...
    @property
    def files(self) -> tuple[str, ...]: ...


class Worktree(Protocol):
    """A person's own clone."""

    @property
    def top(self) -> Path:
        """Its directory."""
        ...

    def head(self) -> CommitId:
        """The commit that is checked out. Raises UsageError before the first commit."""
        ...

    def captured(self, stash: str = "", commit: str = "") -> Captured:
        """What the work tree has over its commit, or what a stash or one commit holds; the
        clone is left as it is. Raises NotFound, Refused where there is nothing."""
        ...

    def dirty(self) -> int:
        """How many files differ from what is committed."""
        ...

    def show(self, path: str) -> str | None:
        """A file as the checked-out commit has it; None when it has none."""
        ...

    def remote(self, name: str, url: str) -> bool:
        """Add a remote, or point it there; True when that changed something."""
        ...

    def push(self, remote: str, commit: CommitId, branch: str, say: Callable[[str], None]) -> None:
        """Push; ``say`` gets what the hooks say, line by line. Raises FairleadError."""
        ...
