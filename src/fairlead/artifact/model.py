"""What a change was built into."""

import msgspec

from fairlead.base.ids import CommitId, Digest


class Schema(msgspec.Struct, frozen=True):
    """What a release expects of its database.

    ``digest`` names the migration files, the migrate command and the dependency
    lock together: two releases with the same digest need no migration between
    them. ``contracts`` are the migrations in it after which older releases,
    those that lack them, cannot run.
    """

    digest: Digest
    contracts: tuple[str, ...] = ()


class Artifact(msgspec.Struct, frozen=True):
    """A commit's tree, built once and never changed.

    ``digest`` is over every file (path, mode, content) and the environment's key.
    ``environment_key`` names the dependency environment it shares with other
    artifacts ("" for none). ``dependencies`` are sorted (name, version) pairs. ``overlay`` and
    ``laid`` are as in the change it was built of.
    """

    app: str
    commit: CommitId
    digest: Digest
    environment_key: str = ""
    dependencies: tuple[tuple[str, str], ...] = ()
    schema: Schema | None = None
    overlay: str = ""
    laid: str = ""

    @property
    def source(self) -> CommitId:
        """The commit whose files it was built from."""
        return CommitId(self.laid or self.commit)


class File(msgspec.Struct, frozen=True, array_like=True):
    """A file or link of an artifact's tree. ``path`` is relative, with ``/``.

    ``mode`` is "644", "755" or "link"; ``content`` is the sha256 of the bytes in hex, or the
    link's target.
    """

    path: str
    mode: str
    content: str


class Sealed(msgspec.Struct, frozen=True):
    """An artifact as the store keeps it: when it was sealed (seconds), how large its tree is
    (bytes), and which dependencies it runs with and was built with."""

    artifact: Artifact
    at: float
    bytes: int
    environments: tuple[str, ...] = ()


class Cleaned(msgspec.Struct, frozen=True):
    """What a clean-up took away and what it left, by name, and the bytes it freed."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]
    bytes: int
