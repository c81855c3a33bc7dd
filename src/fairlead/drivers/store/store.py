"""The store of this machine: an ``ArtifactStore`` in one directory."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from fairlead.artifact.model import Artifact, File, Sealed
from fairlead.base.errors import Unknown
from fairlead.base.ids import Digest, digest_id
from fairlead.base.room import kept_free
from fairlead.base.trees import remove_tree
from fairlead.checks.model import Surroundings
from fairlead.drivers._files import flush_directory, write_whole
from fairlead.drivers.store import bytecode, scan, stands
from fairlead.drivers.store.locks import held, held_if_free

_T = TypeVar("_T")
_MADE = "artifact.json"
_FILES = "files.msgpack"
_ENVIRONMENT = "environment.json"


class _Listing(msgspec.Struct, frozen=True):
    files: tuple[scan.Seen, ...]
    links: tuple[scan.Seen, ...] = ()  # to dependencies: sealed with it, no part of its digest


class DirectoryStore:
    """Artifacts and dependencies below ``root``, which lies on one file system."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._artifacts = root / "artifacts"
        self._environments = root / "environments"
        self._staging = root / "staging"

    # Dependencies. A virtual environment cannot be renamed (its scripts hold its path), so it is
    # made where it stays; environment.json, written last, says that it is complete.

    def environment(self, key: str, make: Callable[[Path], Surroundings]) -> Surroundings:
        """See ``ArtifactStore``. A killed maker leaves no environment.json: made again."""
        known = self._used(key)
        if known is not None:
            return known
        _passed_through(self._environments)
        with held(self._environments / f"{key}.lock"):
            known = self._used(key)  # whoever held the lock may have made it
            return known if known is not None else self._make(key, make)

    def _make(self, key: str, make: Callable[[Path], Surroundings]) -> Surroundings:
        directory = self._environments / key
        remove_tree(directory)
        directory.mkdir()
        try:
            made = make(directory)
            write_whole(directory / _ENVIRONMENT, msgspec.json.encode(made))
        except BaseException:
            remove_tree(directory)
            raise
        return made

    def known_environment(self, key: str) -> Surroundings | None:
        """See ``ArtifactStore``."""
        return _decoded(self._environments / key / _ENVIRONMENT, Surroundings)

    def _used(self, key: str) -> Surroundings | None:
        try:
            os.utime(self._environments / key / _ENVIRONMENT)  # its time is when it was last used
        except FileNotFoundError:
            return None
        return self.known_environment(key)

    def environments(self) -> tuple[tuple[str, float], ...]:
        """See ``ArtifactStore``."""
        found = sorted(self._environments.glob(f"*/{_ENVIRONMENT}"))
        return tuple((path.parent.name, path.stat().st_mtime) for path in found)

    def remove_environment(self, key: str) -> int:
        """See ``ArtifactStore``. Its mark goes first: half removed is not complete."""
        lock = self._environments / f"{key}.lock"
        with held(lock):
            (self._environments / key / _ENVIRONMENT).unlink(missing_ok=True)
            size = remove_tree(self._environments / key)
            lock.unlink()
        return size

    # Artifacts.

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """See ``ArtifactStore``. The lock beside it tells a dead builder's from a living one's."""
        name = os.urandom(8).hex()
        lock = self._staging / f"{name}.lock"
        _passed_through(self._staging)
        with held(lock):
            staged = self._staging / name
            staged.mkdir()
            try:
                yield staged
            finally:
                remove_tree(staged)
                lock.unlink()

    def files(self, tree: Path, without: frozenset[str]) -> tuple[File, ...]:
        """See ``ArtifactStore``. Reads every byte."""
        return scan.files_of(tree, without)

    def to_compile(self, tree: Path, key: str) -> tuple[str, ...]:
        """See ``ArtifactStore``."""
        wanted = bytecode.sources(tree)
        same = [s for s in self.artifacts() if key and s.artifact.environment_key == key]
        for sealed in sorted(same, key=lambda sealed: sealed.at)[-1:]:
            digest = sealed.artifact.digest
            try:
                known = self.contents(digest)
            except Unknown:
                break  # a damaged list: compile everything
            taken = bytecode.adopt(tree, wanted, self.tree(digest), known)
            return tuple(path for path in wanted if path not in taken)
        return wanted

    def seal(self, staged: Path, sealed: Sealed, files: tuple[File, ...]) -> Path:
        """See ``ArtifactStore``."""
        target = self._path(sealed.artifact.digest)
        if self.get(sealed.artifact.digest) is not None:
            return target / "tree"
        root = staged / "tree"
        _only(root, staged)
        _read_only(root)
        named = {file.path for file in files}
        extra = [path for path, _ in scan.walk(str(root)) if path not in named]
        links = tuple(scan.file_at(str(root), path) for path in extra)
        _write_listing(staged, files, links)
        write_whole(staged / _MADE, msgspec.json.encode(sealed))
        self._put(staged, target)
        return target / "tree"

    def _put(self, staged: Path, target: Path) -> None:
        with held(self._root / "artifacts.lock"):
            if (target / _MADE).exists():
                return  # another builder of the same content was first
            remove_tree(target)  # half removed by a clean-up that was killed
            _passed_through(self._artifacts)
            staged.rename(target)
            flush_directory(self._artifacts)

    def get(self, digest: Digest) -> Sealed | None:
        """See ``ArtifactStore``."""
        return _decoded(self._path(digest) / _MADE, Sealed)

    def tree(self, digest: Digest) -> Path:
        """See ``ArtifactStore``."""
        return self._path(digest) / "tree"

    def contents(self, digest: Digest) -> tuple[File, ...]:
        """See ``ArtifactStore``."""
        return tuple(known.file for known in self._listing(digest).files)

    def damaged(self, digest: Digest, *, every_byte: bool = False) -> tuple[str, ...]:
        """See ``ArtifactStore``."""
        listing = self._listing(digest)
        sealed = (*listing.files, *listing.links)
        found = scan.differences(self.tree(digest), sealed, every_byte=every_byte)
        for stand, links in stands.all_of(self._path(digest)):
            wrong = stands.damaged(stand, links, sealed, every_byte=every_byte)
            found += tuple(f"places/{stand.name}/{path}" for path in wrong)
        return found

    def stand(self, digest: Digest, name: str, links: Mapping[str, str]) -> Path:
        """See ``ArtifactStore``."""
        stand = stands.directory(self._path(digest), name)
        if self.get(digest) is None:
            return stand
        with held(self._path(digest) / "places.lock"):
            if stands.links_of(stand) != links:
                stands.make(self.tree(digest), stand, links)
                self._seen_anew(digest)
        return stand

    def _seen_anew(self, digest: Digest) -> None:
        """A new name changes a file's ctime: take down what stat(2) says now of those whose bytes
        are as sealed. Asked before the bytes are read, so that a change meanwhile is seen."""
        root, listing = os.path.realpath(self.tree(digest)), self._listing(digest)
        parts = (listing.files, listing.links)
        fresh = (tuple(scan.seen_anew(root, known) for known in part) for part in parts)
        write_whole(self._path(digest) / _FILES, msgspec.msgpack.encode(_Listing(*fresh)))

    def repair(self, digest: Digest, staged: Path) -> None:
        """See ``ArtifactStore``."""
        tree, fresh = self.tree(digest), staged / "tree"
        tree.mkdir(parents=True, exist_ok=True)
        _writable_directories(tree)
        listing = self._listing(digest)
        sealed = (*listing.files, *listing.links)
        whole = {known.file.path for known in sealed}
        wrong = scan.differences(tree, sealed, every_byte=True)
        for path in sorted(set(wrong) - whole):  # first: one may stand where a directory was
            self._put_aside(digest, tree / path, path)
        for path in sorted(whole.intersection(wrong)):
            _replace(fresh / path, tree / path, staged / "file")
        _read_only(tree)
        for stand, links in stands.all_of(self._path(digest)):
            off = stands.damaged(stand, links, sealed, every_byte=True)
            stands.repair(tree, stand, links, off, self._aside(digest) / "places")
        named = (tuple(k.file for k in part) for part in (listing.files, listing.links))
        _write_listing(self._path(digest), *named)

    def _put_aside(self, digest: Digest, file: Path, path: str) -> None:
        """What somebody added is no waste of ours: it is kept, out of the way."""
        aside = self._aside(digest) / path
        aside.parent.mkdir(parents=True, exist_ok=True)
        file.rename(stands.unused(aside))

    def _aside(self, digest: Digest) -> Path:
        return self._root / "found" / digest.removeprefix("sha256:")[:12]

    def artifacts(self) -> tuple[Sealed, ...]:
        """See ``ArtifactStore``."""
        found = (_decoded(path, Sealed) for path in sorted(self._artifacts.glob(f"*/{_MADE}")))
        return tuple(sealed for sealed in found if sealed is not None)

    def remove(self, digest: Digest) -> int:
        """See ``ArtifactStore``. Its mark goes first: half removed is not complete."""
        with held(self._root / "artifacts.lock"):
            (self._path(digest) / _MADE).unlink(missing_ok=True)
        return remove_tree(self._path(digest))

    def sweep(self) -> tuple[tuple[str, ...], int]:
        """See ``ArtifactStore``."""
        names, size = [], 0
        for lock in sorted(self._staging.glob("*.lock")):
            with held_if_free(lock) as free:
                if free:
                    names.append(f"staging/{lock.stem}")
                    size += remove_tree(lock.with_suffix(""))
                    lock.unlink()
        return tuple(names), size

    def remember(self, app: str, question: Digest, artifact: Artifact) -> None:
        """See ``ArtifactStore``."""
        write_whole(self._answer(app, question), msgspec.json.encode(artifact))

    def recall(self, app: str, question: Digest) -> Artifact | None:
        """See ``ArtifactStore``."""
        known = _decoded(self._answer(app, question), Artifact)
        return known if known is not None and self.get(known.digest) is not None else None

    def free(self) -> int:
        """See ``ArtifactStore``."""
        self._root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self._root).free

    def kept_free(self) -> int:
        """See ``ArtifactStore``."""
        return kept_free(shutil.disk_usage(self._root).total)

    def _path(self, digest: Digest) -> Path:
        return self._artifacts / digest_id(digest).removeprefix("sha256:")

    def _answer(self, app: str, question: Digest) -> Path:
        return self._root / "built" / app / f"{question.removeprefix('sha256:')}.json"

    def _listing(self, digest: Digest) -> _Listing:
        path = self._path(digest) / _FILES
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=_Listing)
        except (OSError, msgspec.DecodeError) as error:
            raise Unknown(
                f"nobody can say whether the artifact is whole: {path}: {error}",
                "push its commit again",
            ) from None


def _decoded(path: Path, kind: type[_T]) -> _T | None:
    """A mark's value; a mark that is missing or cannot be read means "not complete"."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _passed_through(directory: Path) -> None:
    """Make a directory whose entries only its owner can list: on a server everybody gets to what
    is theirs by its digest, and nobody finds another app's code."""
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)


def _only(kept: Path, directory: Path) -> None:
    """Take away what a build left beside its tree: its home, its scratch files."""
    for path in set(directory.iterdir()) - {kept}:
        remove_tree(path)


def _write_listing(directory: Path, files: tuple[File, ...], links: tuple[File, ...]) -> None:
    root = str(directory / "tree")
    seen = (tuple(scan.seen(root, file) for file in part) for part in (files, links))
    write_whole(directory / _FILES, msgspec.msgpack.encode(_Listing(*seen)))


def _read_only(tree: Path) -> None:
    """Nobody writes below ``tree`` by accident. Links have no mode."""
    for folder, _, names in os.walk(tree, topdown=False):
        for name in names:
            path = f"{folder}/{name}"
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode):
                os.chmod(path, 0o555 if mode & stat.S_IXUSR else 0o444)
        os.chmod(folder, 0o555)  # noqa: S103  not secret


def _writable_directories(tree: Path) -> None:
    tree.chmod(0o755)
    for folder, _, _ in os.walk(tree):
        os.chmod(folder, 0o755)  # noqa: S103  not secret


def _replace(fresh: Path, target: Path, between: Path) -> None:
    """Put a copy of ``fresh`` at ``target`` in one step, by way of ``between``."""
    between.unlink(missing_ok=True)
    shutil.copy2(fresh, between, follow_symlinks=False)
    if target.is_dir() and not target.is_symlink():
        remove_tree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    between.replace(target)
