"""One bare repository per app: made, asked for facts, kept from losing what was deployed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.text import printable
from fairlead.checks.ports import LaidOut
from fairlead.drivers.git.capture import PATCH
from fairlead.drivers.git.hooks import HOOKS, write_hooks
from fairlead.drivers.git.merge import merged
from fairlead.drivers.git.overlay import laid_over
from fairlead.drivers.git.run import NOWHERE, git
from fairlead.drivers.git.take import take
from fairlead.drivers.git.tree import lay_out, listed

_SETTINGS = {
    # A pushed object that is malformed (a path with "..", two entries of one name) is refused.
    "receive.fsckObjects": "true",
    "receive.denyDeleteCurrent": "ignore",
    # Pushers neither see nor move the refs that keep deployed commits alive.
    "transfer.hideRefs": "refs/fairlead",
    # Old tools made these; they hurt nobody.
    "receive.fsck.zeroPaddedFilemode": "ignore",
    "receive.fsck.missingSpaceBeforeDate": "ignore",
    "receive.fsck.badTimezone": "ignore",
    "core.logAllRefUpdates": "true",
}
_KEPT = "refs/fairlead/kept"
LONGEST_READ = 1 << 20
"""Bytes of a file that ``read`` gives."""


class CommitFacts(msgspec.Struct, frozen=True):
    """What a commit says of itself; texts are printable. ``at`` is its commit time in seconds."""

    id: CommitId
    tree: str
    author: str
    email: str
    at: int
    subject: str


class GitRepositories:
    """Git repositories on this machine (a ``Sources``). ``quarantine`` holds the variables by
    which git finds what a push brings, before it is received (git-receive-pack(1))."""

    def __init__(self, quarantine: Mapping[str, str] = NOWHERE) -> None:
        self._quarantine = quarantine

    def receiving(self, quarantine: Mapping[str, str]) -> "GitRepositories":
        """The same, and what a push under way brings to one of them."""
        return GitRepositories(quarantine)

    def _git(self, repository: Path, *arguments: str) -> bytes:
        return git(repository, *arguments, quarantine=self._quarantine)

    def ensure_repository(self, path: Path, branch: str = "main") -> None:
        """A bare repository at ``path`` with our settings; one that is there keeps its refs."""
        if not (path / "HEAD").is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            arguments = ("--bare", "--quiet", "--object-format=sha1", f"--initial-branch={branch}")
            git(path, "init", *arguments)
        said = git(path, "config", "--local", "--null", "--list").decode(errors="replace")
        # Git's list has its keys in lower case. What is so already is not written: a push comes
        # through here, and a disk may be full.
        found = dict(pair.partition("\n")[::2] for pair in said.split("\0"))
        for key, value in _SETTINGS.items():
            if found.get(key.lower()) != value:
                git(path, "config", "--local", key, value)

    def install_hooks(
        self, repository: Path, argv: Sequence[str], names: Sequence[str] = HOOKS
    ) -> None:
        """Hooks that become ``argv… hook NAME ARGUMENTS…``. Safe to repeat; atomic each.

        ``argv[0]`` is an absolute path: a hook's PATH is the pusher's. Raises UsageError.
        """
        write_hooks(repository / "hooks", argv, names)

    def resolve(self, repository: Path, revision: str) -> CommitId:
        """The commit a branch, tag or id names. Raises NotFound."""
        try:
            found = self._git(
                repository, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"
            )
        except NotFound:  # git itself
            raise
        except FairleadError:
            raise NotFound(
                f"no such commit: {printable(revision)}: {repository}",
                f"git --git-dir {repository} log --all --oneline",
            ) from None
        return commit_id(found.decode().strip())

    def facts(self, repository: Path, commit: CommitId) -> CommitFacts:
        """What the commit says of itself. Raises NotFound."""
        self.resolve(repository, commit)
        said = self._git(repository, "log", "--max-count=1", "--format=%T%x00%an%x00%ae%x00%ct%x00%s",
                   "--no-show-signature", "--end-of-options", commit)  # fmt: skip
        tree, author, email, at, subject = said.decode(errors="replace").rstrip("\n").split("\0")
        return CommitFacts(
            id=commit,
            tree=tree,
            author=printable(author),
            email=printable(email),
            at=int(at),
            subject=printable(subject),
        )

    def tree_of(self, repository: Path, commit: CommitId) -> str:
        """The id of the commit's tree. Raises NotFound."""
        return self.facts(repository, commit).tree

    def changed_commits(
        self, repository: Path, old: CommitId | None, new: CommitId, limit: int = 200
    ) -> tuple[tuple[CommitId, str], ...]:
        """(id, subject) of the commits in ``new`` that ``old`` lacks, newest first.

        None as ``old`` is "all". Raises NotFound when either is unknown.
        """
        wanted = [self.resolve(repository, new)]
        without = [f"^{self.resolve(repository, old)}"] if old else []
        said = self._git(repository, "log", "-z", f"--max-count={limit}", "--format=%H %s",
                   "--no-show-signature", "--end-of-options", *wanted, *without)  # fmt: skip
        lines = said.decode(errors="replace").split("\0")
        return tuple((commit_id(line[:40]), printable(line[41:])) for line in lines if line)

    def merged(self, repository: Path, onto: CommitId, commit: CommitId) -> CommitId:
        """See ``fairlead.service.ports.Repositories``."""
        return merged(repository, onto, commit, self._quarantine)

    def is_ancestor(self, repository: Path, old: CommitId, new: CommitId) -> bool:
        """Whether ``new`` contains ``old``. Raises NotFound when either is unknown."""
        wanted = self.resolve(repository, old)
        without = f"^{self.resolve(repository, new)}"
        return not self._git(repository, "rev-list", "--max-count=1", wanted, without)

    def keep(self, repository: Path, commit: CommitId) -> None:
        """Keep the commit alive when its branch is deleted or rewritten, so that its artifact
        can be built again. Not inside a receive hook's quarantine: git moves no ref there."""
        self._git(repository, "update-ref", f"{_KEPT}/{commit}", commit)

    def let_go(self, repository: Path, commit: CommitId) -> None:
        """The opposite of ``keep``; harmless when it was not kept."""
        self._git(repository, "update-ref", "-d", f"{_KEPT}/{commit}")

    def read(self, repository: Path, commit: CommitId, path: str) -> bytes | None:
        """One file's bytes at a commit (``fairlead.toml``); None when there is no such file.

        Raises Refused for more than a mebibyte: what is read here is held in memory, whole.
        """
        self.resolve(repository, commit)
        listed = self._git(repository, "ls-tree", "-z", "-l", commit, "--", f":(literal){path}")
        if b" blob " not in listed[:12]:
            return None
        _, _, blob, size = listed.split(b"\t")[0].decode().split()
        if size.isdigit() and int(size) > LONGEST_READ:
            what = f"commit {commit[:12]}: {path}: {size} bytes, more than {LONGEST_READ}"
            raise Refused(what, "make it shorter, and push again")
        return self._git(repository, "cat-file", "blob", blob)

    def laid_over(
        self, repository: Path, commit: CommitId, base: CommitId, patch: bytes
    ) -> CommitId:
        """See ``fairlead.service.ports.Repositories``."""
        return laid_over(repository, commit, base, patch, self._quarantine)

    def take(self, repository: Path, clone: Path, commit: CommitId) -> None:
        """See ``fairlead.service.ports.Repositories``."""
        take(repository, clone, commit, f"{_KEPT}/{commit}")

    def move(self, repository: Path, branch: str, commit: CommitId, old: str) -> None:
        """See ``fairlead.service.ports.Repositories``."""
        self._git(repository, "update-ref", f"refs/heads/{branch}", commit, old or "0" * 40)

    def patch_between(self, repository: Path, old: CommitId, new: CommitId) -> bytes:
        """See ``fairlead.service.ports.Repositories``."""
        return self._git(repository, *PATCH, old, new)

    def listing(self, repository: Path, commit: CommitId) -> dict[str, str]:
        """See ``fairlead.checks.ports.Sources``."""
        found = listed(repository, self.resolve(repository, commit), self._quarantine)
        return {entry.path: f"{entry.mode} {entry.blob}" for entry in found}

    def lay_out(
        self, repository: Path, commit: CommitId, directory: Path, only: tuple[str, ...] = ()
    ) -> LaidOut:
        """See ``fairlead.checks.ports.Sources``."""
        found = self.resolve(repository, commit)
        return lay_out(repository, found, directory, self._quarantine, only)
