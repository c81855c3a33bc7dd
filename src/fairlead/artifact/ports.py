"""What building needs of the world. One contract suite per port in ``tests/contracts``."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from fairlead.artifact.model import Artifact, File, Sealed
from fairlead.base.ids import Digest
from fairlead.checks.model import Surroundings
from fairlead.checks.ports import Sink
from fairlead.manifest.model import Build


class Purpose(StrEnum):
    """What dependencies are for: checks and build commands, or the release itself."""

    WORK = "work"
    RUN = "run"


class Recipe(msgspec.Struct, frozen=True):
    """Which dependencies a tree asks for, before anything is installed.

    ``key`` names the result: the lock's content, the tool, the interpreter, the platform.
    ``lock`` is the file it comes from ("" for no dependencies) and ``lock_digest`` its content.
    ``locked`` is False when the file leaves versions open.
    """

    key: str
    purpose: Purpose
    lock: str = ""
    lock_digest: str = ""
    locked: bool = True


class Install(msgspec.Struct, frozen=True):
    """One installation: the recipe, the tree it comes from, the directory it goes to, which
    exists and is empty, where its output is kept, and how many seconds it may take."""

    recipe: Recipe
    tree: Path
    directory: Path
    log: str
    limit: int


class Toolchain(Protocol):
    """Installs the dependencies of one kind of app."""

    def recipe(self, tree: Path, build: Build, purpose: Purpose) -> Recipe | None:
        """What the tree asks for; None when it needs nothing at all. Starts no process.

        Raises UsageError when the manifest names a lock that is not there.
        """
        ...

    def install(self, job: Install, show: Sink) -> Surroundings:
        """Install it. Raises FairleadError when that fails; what it leaves is removed by others."""
        ...


class ArtifactStore(Protocol):
    """Keeps artifacts and dependencies, each under its own name, whole or not at all."""

    def environment(self, key: str, make: Callable[[Path], Surroundings]) -> Surroundings:
        """The dependencies of that key, made now when nobody has. Two at once: one makes."""
        ...

    def known_environment(self, key: str) -> Surroundings | None:
        """The dependencies of that key when they are complete."""
        ...

    def stage(self) -> AbstractContextManager[Path]:
        """A fresh directory to build in; gone when the block is left, unless it was sealed."""
        ...

    def files(self, tree: Path, without: frozenset[str]) -> tuple[File, ...]:
        """Every file and link below ``tree`` but ``without``, sorted by path.

        Raises Refused for what an artifact cannot hold: a socket, a device, a name that is
        not UTF-8, a link into the tree's own absolute path.
        """
        ...

    def to_compile(self, tree: Path, key: str) -> tuple[str, ...]:
        """The Python sources below ``tree`` that have to be compiled: all, but those whose
        compiled form was taken over from the newest artifact with the same dependencies."""
        ...

    def seal(self, staged: Path, sealed: Sealed, files: tuple[File, ...]) -> Path:
        """Make ``staged``/tree the artifact: read-only, complete, at its final place, its path.

        When that artifact is already there, it stays as it is.
        """
        ...

    def get(self, digest: Digest) -> Sealed | None:
        """What is kept of an artifact, or None when it is not complete."""
        ...

    def tree(self, digest: Digest) -> Path:
        """Where an artifact's tree is, or would be."""
        ...

    def stand(self, digest: Digest, name: str, links: Mapping[str, str]) -> Path:
        """The artifact's tree under another path, with symbolic links of a place's own: path in
        the tree to target. What the tree has there is not seen. Made once the artifact is
        complete; it goes with it, is looked at by ``damaged`` and put back by ``repair``."""
        ...

    def contents(self, digest: Digest) -> tuple[File, ...]:
        """The files it was sealed with. Raises Unknown when the list cannot be read."""
        ...

    def damaged(self, digest: Digest, *, every_byte: bool = False) -> tuple[str, ...]:
        """Paths that are missing, were added, or differ from what was sealed.

        Without ``every_byte`` only files whose size, times, inode or mode changed are read.
        """
        ...

    def repair(self, digest: Digest, staged: Path) -> None:
        """Put ``staged``/tree's files in place of damaged ones, each in one step, and take away
        what was added. The directories stay: running copies work in them."""
        ...

    def artifacts(self) -> tuple[Sealed, ...]:
        """All complete artifacts."""
        ...

    def environments(self) -> tuple[tuple[str, float], ...]:
        """(key, when it was last used) of all complete dependencies."""
        ...

    def remove(self, digest: Digest) -> int:
        """Remove an artifact of ours; the bytes that were freed. Harmless when it is gone."""
        ...

    def remove_environment(self, key: str) -> int:
        """Remove dependencies of ours; the bytes that were freed. Harmless when they are gone."""
        ...

    def sweep(self) -> tuple[tuple[str, ...], int]:
        """Remove what dead builders left: names and bytes. What is being built stays."""
        ...

    def remember(self, app: str, question: Digest, artifact: Artifact) -> None:
        """Keep which artifact answered a build's question. Durable."""
        ...

    def recall(self, app: str, question: Digest) -> Artifact | None:
        """The artifact that answered that question before, while it is complete."""
        ...

    def free(self) -> int:
        """Bytes free for more."""
        ...

    def kept_free(self) -> int:
        """How many of them stay free: nothing is built into the last of a disk."""
        ...
