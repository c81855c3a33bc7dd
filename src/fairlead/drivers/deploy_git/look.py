"""The deploy repo at one commit: files, and how they came to be."""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from fairlead.desired.ports import Commit
from fairlead.drivers.deploy_git.memory import NOTHING, Histories, Known
from fairlead.drivers.deploy_git.run import Git, GitFailed

MACHINE = "Fairlead"
MACHINE_EMAIL = "fairlead@localhost"
_FORMAT = "--format=%H%x00%an%x00%ce%x00%ct%x00%B"
_FIELDS = 5
_SMALL = ("apps/", "record/")  # read together: every look at a place needs some of them
_KEPT_BLOBS = 512


class Blobs:
    """Contents by object id, read in few processes and kept: they never change."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._kept: dict[str, bytes] = {}
        self.gained = 0
        """How many were read from git so far."""

    def all(self, last: set[str]) -> tuple[bytes, ...]:
        """All that is kept, and at the end what is in ``last``."""
        kept = sorted(self._kept.items(), key=lambda item: item[0] in last)
        return tuple(data for _, data in kept)

    def get(self, ids: list[str]) -> list[bytes]:
        """The contents, in the order asked for."""
        missing = [blob for blob in dict.fromkeys(ids) if blob not in self._kept]
        if len(self._kept) + len(missing) > _KEPT_BLOBS:
            self._kept = {blob: self._kept[blob] for blob in ids if blob in self._kept}
        found = dict(zip(missing, cat(self._git, missing), strict=True))
        if None in found.values():
            raise GitFailed("cat-file", "an object is missing or damaged")
        self.gained += len(missing)
        self._kept.update({blob: data for blob, data in found.items() if data is not None})
        return [self._kept[blob] for blob in ids]

    def take(self, contents: Iterable[bytes]) -> None:
        """Keep contents from a memory; each is named by what it is."""
        for data in contents:
            self.put(data)

    def put(self, data: bytes) -> str:
        """Keep contents just committed; their object id (gitformat-pack(5): of header and data)."""
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        self._kept[blob] = data
        return blob


class GitLook:
    """One commit of the deploy repo. What it read it keeps: a commit never changes."""

    def __init__(self, git: Git, head: str, blobs: Blobs, before: Known = NOTHING) -> None:
        """``before`` is what was known last, of this head or of an older one."""
        self.head = head
        self._git = git
        self._blobs = blobs
        self._altered = {**before.altered}
        self._histories: Histories = {}
        if before.head == head:
            self.tree = before.tree
            self._histories |= before.histories

    def child(self, commit: Commit, changes: Mapping[str, bytes | None]) -> "GitLook":
        """The look after a commit of ours on this one: nothing of it need be asked of git."""
        put = {path: self._blobs.put(data) for path, data in changes.items() if data is not None}
        tree = {p: blob for p, blob in (self.tree | put).items() if p in put or p not in changes}
        altered = {at: self._altered_by(at, commit.id, changes) for at in self._altered}
        histories = {
            (path, limit): _longer(known, path, limit, commit, changes)
            for (path, limit), known in self._histories.items()
        }
        known = Known(commit.id, tree, altered, histories)
        return GitLook(self._git, commit.id, self._blobs, known)

    def _altered_by(
        self, at: str, made: str, changes: Mapping[str, bytes | None]
    ) -> tuple[str, frozenset[str]]:
        since, known = self._altered[at]
        if since != self.head:
            return since, known
        return made, known | {p for p in changes if p in self.tree and p.startswith(f"{at}/")}

    @property
    def where(self) -> str:
        """The work tree's path, for hints."""
        return str(self._git.where)

    @property
    def known(self) -> Known:
        """All that was asked so far."""
        blobs = self._blobs.all(last={self.tree[path] for path in self._small})
        return Known(self.head, self.tree, {**self._altered}, {**self._histories}, blobs)

    @property
    def asked(self) -> tuple[int, ...]:
        """How much that is: another number, more of it."""
        fresh = sum(since == self.head for since, _ in self._altered.values())
        return len(self._histories), fresh, self._blobs.gained

    @cached_property
    def tree(self) -> dict[str, str]:
        """The object id of every file."""
        told = self._git("ls-tree", "-r", "-z", self.head).decode("utf-8", "surrogateescape")
        lines = (line.partition("\t") for line in told.split("\0") if line)
        return {path: meta.split(" ")[2] for meta, _, path in lines if " blob " in meta}

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """The files and directories whose change on disk would make the work tree dirty.

        Releases and approvals never change: of those only the directories are watched,
        and what is read of them is what is committed.
        """
        files = [path for path in self.tree if path.startswith(_SMALL) or "/" not in path]
        parents = {parent for path in self.tree for parent in _parents(path)}
        return (*files, *sorted(parents), "")

    @cached_property
    def unwatched(self) -> tuple[str, ...]:
        """The other files."""
        return tuple(sorted(self.tree.keys() - set(self.watched)))

    def read(self, path: str) -> bytes | None:
        """A file's bytes as committed."""
        if path not in self.tree:
            return None
        together = self._small if path in self._small else self._with_signature(path)
        return self._blobs.get([self.tree[path] for path in together])[together[path]]

    def files(self, directory: str) -> tuple[str, ...]:
        """Every file below a directory, sorted."""
        return tuple(sorted(path for path in self.tree if path.startswith(f"{directory}/")))

    def history(self, path: str, limit: int = 0) -> tuple[Commit, ...]:
        """The commits that changed a file, newest first."""
        whole = self._histories.get((path, 0))
        if whole is not None:
            return whole[: limit or None]
        key = (path, limit)
        if key not in self._histories:
            self._histories[key] = tuple(self._ask_history(path, limit))
        return self._histories[key]

    def altered(self, directory: str) -> frozenset[str]:
        """The files below a directory that a commit changed or removed after one added them."""
        since, known = self._altered.get(directory, ("", frozenset()))
        if since != self.head:
            known = self._ask_altered(since, known, directory)
            self._altered[directory] = (self.head, known)
        return known

    @cached_property
    def _small(self) -> dict[str, int]:
        """The files read together, with their places among each other."""
        small = [path for path in self.tree if path.startswith(_SMALL) or "/" not in path]
        return {path: at for at, path in enumerate(small[: _KEPT_BLOBS // 2])}

    def _with_signature(self, path: str) -> dict[str, int]:
        pair = [path, f"{path.removesuffix('.sig')}.sig"]
        return {one: at for at, one in enumerate(dict.fromkeys(pair)) if one in self.tree}

    def _ask_history(self, path: str, limit: int) -> Iterator[Commit]:
        most = [f"--max-count={limit}"] if limit else []
        told = self._git("log", "-z", _FORMAT, *most, self.head, "--", path)
        fields = told.decode("utf-8", "replace").split("\0")
        commits = [fields[at : at + _FIELDS] for at in range(0, len(fields) - 1, _FIELDS)]
        contents = cat(self._git, [f"{commit[0]}:{path}" for commit in commits])
        for (made, who, email, at, message), content in zip(commits, contents, strict=True):
            ours = email == MACHINE_EMAIL
            yield Commit(made, who, ours, message.strip(), int(at), content)

    def _ask_altered(self, since: str, known: frozenset[str], directory: str) -> frozenset[str]:
        """Walking all history costs 0.1 ms a commit, so only what is new is walked."""
        try:
            return known | self._altered_since(since, directory)
        except GitFailed:  # the history was written anew, and what was known of it is gone
            return self._altered_since("", directory)

    def _altered_since(self, since: str, directory: str) -> frozenset[str]:
        stretch = f"{since}..{self.head}" if since else self.head
        told = self._git(
            "log",
            "-z",
            "--format=",
            "--name-only",
            "--no-renames",
            "--diff-filter=MDT",
            "--diff-merges=first-parent",
            stretch,
            "--",
            directory,
        )
        names = told.decode("utf-8", "surrogateescape").split("\0")
        return frozenset(name.strip("\n") for name in names if name.strip("\n"))


def cat(git: Git, names: list[str]) -> list[bytes | None]:
    """The contents of objects, by any name git knows, in one process; None for one missing."""
    if not names:
        return []
    asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    told = git("cat-file", "--batch", stdin=asked)
    return list(_contents(told, len(names)))


def _contents(told: bytes, count: int) -> Iterator[bytes | None]:
    at = 0
    for _ in range(count):
        end = told.index(b"\n", at)
        fields = told[at:end].rsplit(b" ", 2)
        at = end + 1
        if fields[-1] == b"missing":
            yield None
            continue
        size = int(fields[-1])
        yield told[at : at + size] if fields[-2] == b"blob" else None
        at += size + 1


def _longer(
    known: tuple[Commit, ...],
    path: str,
    limit: int,
    commit: Commit,
    changes: Mapping[str, bytes | None],
) -> tuple[Commit, ...]:
    """A file's history after one more commit."""
    if path not in changes:
        return known
    newest = msgspec.structs.replace(commit, content=changes[path])
    return (newest, *known)[: limit or None]


def _parents(path: str) -> Iterator[str]:
    parent = posixpath.dirname(path)
    while parent:
        yield parent
        parent = posixpath.dirname(parent)
