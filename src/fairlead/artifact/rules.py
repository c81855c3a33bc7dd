"""What names an artifact, what its schema is, and what may be cleaned away."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from fairlead.artifact.model import File, Schema, Sealed
from fairlead.base.canonical import digest
from fairlead.base.globs import matching
from fairlead.base.ids import Digest
from fairlead.manifest.model import App, Migrate

GRACE = 86_400
"""Seconds for which nothing used recently is cleaned away: a push under way may need it."""


def content_digest(files: Iterable[File], environment_key: str) -> Digest:
    """An artifact's name: over its files in any order, and its dependencies' key.

    sha256 over a first line and one record per file, sorted by path, each field ended by NUL
    (no path, mode or digest can hold one): mode, content, path.
    """
    found = hashlib.sha256(f"fairlead-artifact-1\0{environment_key}\0".encode())
    for file in sorted(files, key=lambda file: file.path):
        found.update(f"{file.mode}\0{file.content}\0{file.path}\0".encode())
    return Digest(f"sha256:{found.hexdigest()}")


def schema_of(
    migrate: Migrate | None, tree: str, files: Iterable[File], lock_digest: str
) -> Schema | None:
    """What the release expects of its database; None when it has no migrate command.

    Without ``files`` in the manifest nobody knows what the schema is made of, so it is the
    whole commit (``tree``): every release migrates, which is slow and safe.
    """
    if migrate is None:
        return None
    content = {file.path: file.content for file in files}
    made_of = [[path, content[path]] for path in matching(migrate.files, content)]
    named = {
        "command": migrate.command,
        "lock": lock_digest,
        "files": made_of if migrate.files else tree,
    }
    return Schema(digest(named), matching(migrate.contract, content))


def in_the_way(state: str, files: Iterable[str]) -> tuple[str, ...]:
    """The files of a tree that a directory of state would hide, and those that it would have to
    lie in; not those that only keep a directory in git."""
    return tuple(
        path
        for path in files
        if (path.startswith(f"{state}/") and path.rsplit("/", 1)[-1] not in KEEPERS)
        or f"{state}/".startswith(f"{path}/")
    )


KEEPERS = frozenset({".gitkeep", ".keep", ".gitignore"})
"""Files that people commit so that git keeps an empty directory."""


def build_question(app: App, tree: str, keys: Iterable[str]) -> Digest:
    """One digest for all that goes into a build."""
    asked = {"build": msgspec.to_builtins(app.build), "migrate": msgspec.to_builtins(app.migrate)}
    return digest({"tree": tree, "keys": list(keys), **asked})


def change_question(name: str) -> Digest:
    """One digest for "what was this change built into" (``Change.name``)."""
    return digest({"change": name})


def to_remove(
    artifacts: Iterable[Sealed],
    environments: Mapping[str, float],
    keep: frozenset[Digest],
    now: float,
    grace: int = GRACE,
) -> tuple[tuple[Digest, ...], tuple[str, ...]]:
    """Artifacts and dependency keys that nothing needs: not kept, not young, not recently used.

    Dependencies that an artifact which stays runs with, or was built with, stay too.
    """
    artifacts = tuple(artifacts)
    staying = [s for s in artifacts if s.artifact.digest in keep or s.at > now - grace]
    needed = {key for sealed in staying for key in sealed.environments}
    gone = tuple(s.artifact.digest for s in artifacts if s not in staying)
    unused = [key for key, used in environments.items() if used <= now - grace]
    return gone, tuple(sorted(set(unused) - needed))
