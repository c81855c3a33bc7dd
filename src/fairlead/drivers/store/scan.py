"""What lies in a tree: for its name, and for telling later whether it changed."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairlead.artifact.model import File
from fairlead.base.errors import Refused
from fairlead.base.text import printable


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """A file as sealed, with what stat(2) said of it: any change of content changes ``changed``
    (ctime), which no ordinary tool can set back."""

    file: File
    size: int
    modified: int
    changed: int
    inode: int


def walk(root: str, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(path, entry) of everything below ``root`` that is not a directory; follows no link."""
    with os.scandir(f"{root}/{below}") as entries:
        for entry in entries:
            path = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from walk(root, f"{path}/")
            else:
                yield path, entry


def files_of(tree: Path, without: frozenset[str]) -> tuple[File, ...]:
    """See ``ArtifactStore.files``."""
    root = os.path.realpath(tree)
    found = [file_at(root, path) for path, _ in walk(root) if path not in without]
    return tuple(sorted(found, key=lambda file: file.path))


def file_at(root: str, path: str) -> File:
    """One file or link as an artifact names it. Raises Refused for anything else."""
    full = f"{root}/{path}"
    try:
        path.encode()
    except UnicodeEncodeError:
        raise _refused(path, "its name is not UTF-8") from None
    mode = os.lstat(full).st_mode
    if stat.S_ISLNK(mode):
        return File(path, "link", _target(root, path))
    if not stat.S_ISREG(mode):
        raise _refused(path, "it is neither a file nor a link")
    return File(path, "755" if mode & stat.S_IXUSR else "644", sha256_of(full))


def _target(root: str, path: str) -> str:
    target = os.readlink(f"{root}/{path}")
    if f"{target}/".startswith(f"{root}/"):
        raise _refused(path, "it links to its own build directory, which is gone once it runs")
    return target


def _refused(path: str, why: str) -> Refused:
    return Refused(f"an artifact cannot hold {printable(path)}: {why}", "let the build remove it")


def sha256_of(path: str) -> str:
    """The hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seen(root: str, file: File) -> Seen:
    """A sealed file with its stat."""
    facts = os.lstat(f"{root}/{file.path}")
    return Seen(file, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)


def seen_anew(root: str, known: Seen) -> Seen:
    """The same with its stat as it is now; as it was, where its bytes are not what was sealed."""
    try:
        fresh = seen(root, known.file)
        return fresh if file_at(root, known.file.path) == known.file else known
    except (Refused, OSError):
        return known


def untouched(known: Seen, facts: os.stat_result) -> bool:
    """Whether stat(2) still says what it said when the file was sealed."""
    now = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
    return now == (known.size, known.modified, known.changed, known.inode)


def differences(tree: Path, sealed: tuple[Seen, ...], *, every_byte: bool) -> tuple[str, ...]:
    """Paths below ``tree`` that are missing, added, or not as sealed; sorted."""
    root = os.path.realpath(tree)
    missing = {known.file.path: known for known in sealed}
    found = []
    for path, entry in walk(root) if os.path.isdir(root) else ():
        known = missing.pop(path, None)
        if known is None or not _same(root, known, entry, every_byte=every_byte):
            found.append(path)
    return tuple(sorted([*found, *missing]))


def _same(root: str, known: Seen, entry: os.DirEntry[str], *, every_byte: bool) -> bool:
    if not every_byte and untouched(known, entry.stat(follow_symlinks=False)):
        return True
    try:
        return file_at(root, known.file.path) == known.file
    except (Refused, OSError):
        return False
