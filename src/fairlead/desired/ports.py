"""What the deploy room needs of the world: a repository of files with a history, and signatures.

One contract suite per port in ``tests/contracts``, run on the memory driver and the real one.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec


class Commit(msgspec.Struct, frozen=True):
    """One commit that changed a file.

    ``who`` is its author's name; ``ours`` says that Fairlead made it, not a person with
    plain git; ``at`` is seconds since 1970 UTC; ``content`` is the file after it (None:
    removed by it).
    """

    id: str
    who: str
    ours: bool
    message: str
    at: int
    content: bytes | None


class Look(Protocol):
    """The deploy repo at one commit; it never changes. Paths are relative, with ``/``."""

    @property
    def where(self) -> str:
        """The work tree's path, for hints."""
        ...

    @property
    def head(self) -> str:
        """The commit."""
        ...

    def read(self, path: str) -> bytes | None:
        """A file's bytes as committed; None when there is no such file."""
        ...

    def files(self, directory: str) -> tuple[str, ...]:
        """Every file below a directory, sorted."""
        ...

    def history(self, path: str, limit: int = 0) -> tuple[Commit, ...]:
        """The commits that changed a file, newest first; at most ``limit`` (0: all)."""
        ...

    def altered(self, directory: str) -> frozenset[str]:
        """The files below a directory that a commit changed or removed after one added them."""
        ...


class DeployRepo(Protocol):
    """A plain git work tree that a person can read, clone, edit and revert with plain git."""

    @property
    def where(self) -> str:
        """The work tree's path, for hints."""
        ...

    def ensure(self, files: Mapping[str, bytes], now: float) -> None:
        """Make the repository with these files in its first commit, unless it is there."""
        ...

    def look(self) -> Look:
        """The repository at its head.

        Raises Refused, with the reason and the next command, when what the head says cannot
        be taken for what people want: no repository, uncommitted changes, another branch,
        diverged from its upstream, in the middle of a merge.
        """
        ...

    def writing(self, what: str) -> AbstractContextManager[None]:
        """Hold the repository against other writers of Fairlead, in this process and others.

        May be nested in one thread. ``what`` is told to whoever waits. Raises Busy when it
        stays held.
        """
        ...

    def commit(
        self, changes: Mapping[str, bytes | None], message: str, who: str, now: float
    ) -> str:
        """Write these files (None removes one) as one commit by ``who``; the commit's id.

        All or nothing. Changes that change nothing make no commit: the id is the head's.
        Call it inside ``writing``. Raises Refused as ``look`` does, or when git refuses.
        """
        ...

    def tidy(self) -> None:
        """Pack what has become much, for a quiet hour. Changes nothing that can be read."""
        ...


class Signed(msgspec.Struct, frozen=True):
    """Whose signature it is: the name beside the key, and the key (``SHA256:…``)."""

    principal: str
    fingerprint: str


class Signer(Protocol):
    """Signs with one key."""

    @property
    def public(self) -> str:
        """The public half, as one line in OpenSSH form."""
        ...

    def sign(self, namespace: str, data: bytes) -> bytes:
        """An armoured SSH signature over exactly these bytes."""
        ...


class Verifier(Protocol):
    """Judges signatures. Raises Refused, saying why, for one that does not hold."""

    def trusted(self, namespace: str, data: bytes, signature: bytes) -> Signed:
        """By a key that the home trusts for the namespace."""
        ...

    def by(self, keys: Sequence[str], namespace: str, data: bytes, signature: bytes) -> Signed:
        """By one of these public keys, lines in OpenSSH form (UsageError: one is none)."""
        ...
