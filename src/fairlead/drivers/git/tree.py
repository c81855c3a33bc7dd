"""A commit's tree on disk: exactly its bytes.

Not by ``git checkout`` or ``git archive``: attributes in the tree would let the commit choose
line ends, keyword expansion, left-out files and filters (gitattributes(5)). Blobs are read with
one ``git cat-file --batch`` and written as they are.
"""

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from fairlead.base.errors import Refused
from fairlead.base.globs import matching
from fairlead.base.ids import CommitId
from fairlead.base.room import kept_free, megabytes
from fairlead.base.text import printable
from fairlead.checks.ports import LaidOut
from fairlead.drivers.git.run import NOWHERE, as_owner, failed, git, hermetic, missing

MOST_FILES = 200_000
MOST_BYTES = 4 << 30
LARGEST_FILE = 1 << 30
"""What a tree may hold at most: a push must not fill a small server's disk by itself."""
LONGEST_LIST = 32 << 20
"""Bytes of all names: a few hundred bytes of nested trees can name millions of files."""
LONGEST_LINK = 4_095
"""Bytes that a link may point to (PATH_MAX of Linux, less the end)."""

_CHUNK = 1 << 20
_LINK = "120000"
_SUBMODULE = "160000"
_MODES = {"100644": 0o644, "100664": 0o644, "100755": 0o755}
_LFS = b"version https://git-lfs.github.com/spec/"


class Entry(NamedTuple):
    """A line of ``git ls-tree``: mode as git writes it, blob id, size in bytes, path."""

    mode: str
    blob: str
    size: int
    path: str


def lay_out(
    repository: Path,
    commit: CommitId,
    directory: Path,
    quarantine: Mapping[str, str] = NOWHERE,
    only: tuple[str, ...] = (),
) -> LaidOut:
    """Write the commit's files and links below ``directory``, which must not exist yet; with
    ``only``, those that one of its globs names."""
    named = git(repository, "rev-parse", f"{commit}^{{tree}}", quarantine=quarantine)
    tree = named.decode().strip()
    entries = listed(repository, commit, quarantine)
    if only:
        wanted = frozenset(matching(only, (entry.path for entry in entries)))
        entries = [entry for entry in entries if entry.path in wanted]
    with _explained(commit, directory):
        directory.mkdir(parents=True)
        _must_have_room(sum(entry.size for entry in entries), commit, directory)
        pointers = _write(_Blobs(repository, entries, quarantine), directory)
    for entry in entries:
        if entry.mode == _LINK:
            _must_stay_inside(directory, entry.path, commit)
    notes = [f"a git-lfs pointer, not the file it points to: {printable(p)}" for p in pointers]
    paths = tuple(sorted(entry.path for entry in entries))
    return LaidOut(tree, paths, sum(entry.size for entry in entries), tuple(notes))


def listed(
    repository: Path, commit: CommitId, quarantine: Mapping[str, str] = NOWHERE
) -> list[Entry]:
    """The tree's files and links. Raises Refused for what cannot be laid out safely."""
    asked = ("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
    entries, total = [], 0
    with _output(repository, asked, quarantine) as output:
        for line in _lines(output, commit):
            entries.append(_entry(line, commit))
            total += entries[-1].size
            if len(entries) > MOST_FILES or total > MOST_BYTES:
                raise _too_large(commit, f"{len(entries)} files, {total} bytes or more")
    return entries


def _lines(output: IO[bytes], commit: CommitId) -> Iterator[bytes]:
    """What ends in a NUL each. Refused as soon as it is too much: it is never held whole."""
    rest, read = b"", 0
    while chunk := output.read(_CHUNK):
        read += len(chunk)
        if read > LONGEST_LIST:
            raise _too_large(commit, f"the names of its files are {read} bytes or more")
        *lines, rest = (rest + chunk).split(b"\0")
        yield from lines


def _too_large(commit: CommitId, why: str) -> Refused:
    most = f"{MOST_FILES} files, {MOST_BYTES} bytes, and names of {LONGEST_LIST} bytes"
    return Refused(
        f"commit {commit[:12]} is too large: {why}",
        f"at most {most}: keep data outside the repository",
    )


def _must_have_room(size: int, commit: CommitId, directory: Path) -> None:
    """A tree that would fill the disk is not begun: what serves needs some too."""
    found = shutil.disk_usage(directory)
    kept = kept_free(found.total)
    if size > found.free - kept:
        raise Refused(
            f"no room to lay out commit {commit[:12]}, which is {megabytes(size)}: "
            f"{megabytes(found.free)} are free on the disk, {megabytes(kept)} stay free",
            f"remove what you can spare: df -h {directory.parent}",
        )


@contextmanager
def _explained(commit: CommitId, directory: Path) -> Iterator[None]:
    """What the file system does not take, as a sentence."""
    try:
        yield
    except OSError as error:
        what = f"commit {commit[:12]} cannot be laid out: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(directory.parent).free
            raise Refused(f"{what}: {free} bytes are free", "remove what you can spare") from error
        raise Refused(what, "shorter names of files and directories") from error


def _entry(line: bytes, commit: CommitId) -> Entry:
    facts, _, name = line.partition(b"\t")
    mode, _, blob, size = facts.decode().split()
    path = _safe(name, commit)
    if mode == _SUBMODULE:
        raise _refused(commit, path, "a submodule, which is not laid out", "put its files in")
    if not size.isdigit():  # git says BAD for an object it does not have
        raise _refused(commit, path, "its content is missing", "push the commit again")
    entry = Entry(mode, blob, int(size), path)
    if mode == _LINK and entry.size > LONGEST_LINK:
        why = f"a link to {entry.size} bytes, more than {LONGEST_LINK}"
        raise _refused(commit, path, why, "link to a file of the repository")
    if entry.size > LARGEST_FILE:
        why = f"{entry.size} bytes, more than {LARGEST_FILE}"
        raise _refused(commit, path, why, "keep it outside the repository")
    return entry


def _safe(name: bytes, commit: CommitId) -> str:
    """The name as text, when it stays below the tree on any file system of ours."""
    try:
        path = name.decode()
    except UnicodeDecodeError:
        shown = name.decode(errors="backslashreplace")
        raise _refused(commit, shown, "a name that is not UTF-8", "rename it") from None
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise _refused(commit, path, "a name that git itself never makes", "git fsck names it")
    return path


def _refused(commit: CommitId, path: str, why: str, way_out: str) -> Refused:
    return Refused(f"commit {commit[:12]} cannot be laid out: {printable(path)}: {why}", way_out)


def _write(blobs: "_Blobs", directory: Path) -> list[str]:
    """Write every entry; git-lfs pointers."""
    for parent in sorted({os.path.dirname(entry.path) for entry in blobs.entries}):
        (directory / parent).mkdir(parents=True, exist_ok=True)
    pointers = []
    with blobs.output() as output:
        for entry in blobs.entries:
            if _write_one(entry, output, str(directory)):
                pointers.append(entry.path)
    return pointers


class _Blobs:
    """The output of one ``git cat-file --batch`` for all entries, in order: links last, so that
    no file is written through one."""

    def __init__(
        self, repository: Path, entries: list[Entry], quarantine: Mapping[str, str]
    ) -> None:
        self.entries = sorted(entries, key=lambda entry: entry.mode == _LINK)
        self._repository = repository
        self._quarantine = quarantine

    @contextmanager
    def output(self) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile() as wanted:
            wanted.write(b"".join(entry.blob.encode() + b"\n" for entry in self.entries))
            wanted.seek(0)
            asked = ("cat-file", "--batch", "--buffer")
            with _output(self._repository, asked, self._quarantine, wanted) as output:
                yield output


@contextmanager
def _output(
    repository: Path,
    asked: Sequence[str],
    quarantine: Mapping[str, str],
    feed: IO[bytes] | int = subprocess.DEVNULL,
) -> Iterator[IO[bytes]]:
    """What git prints, while it prints it: for what may be too large to hold."""
    with tempfile.TemporaryFile() as said:
        try:
            running = subprocess.Popen(
                ["git", f"--git-dir={repository}", *asked],
                env=hermetic(repository, quarantine),
                stdin=feed,
                stdout=subprocess.PIPE,
                stderr=said,
                **as_owner(repository),
            )
        except FileNotFoundError:
            raise missing() from None
        assert running.stdout is not None
        try:
            yield running.stdout
        except BaseException:
            running.stdout.close()  # git ends by SIGPIPE when it has more to say
            running.wait()
            raise
        running.stdout.close()
        if running.wait():
            said.seek(0)
            raise failed(repository, asked[0], said.read(_CHUNK))


def _write_one(entry: Entry, output: IO[bytes], directory: str) -> bool:
    """Write one entry; whether it is a git-lfs pointer."""
    header = output.readline().split()
    if len(header) != 3 or int(header[2]) != entry.size:
        raise Refused(
            f"the repository lacks an object: {entry.blob}: {printable(entry.path)}",
            "push the commit again",
        )
    target = f"{directory}/{entry.path}"
    pointer = False
    if entry.mode == _LINK:
        aim = output.read(entry.size)
        if b"\0" in aim:
            what = f"a link to a name with a NUL in it: {printable(entry.path)}"
            raise Refused(what, "link to a file of the repository")
        os.symlink(aim, target.encode())
    else:
        pointer = _copy(output, target, _MODES[entry.mode], entry.size)
    output.read(1)  # the line end behind each blob
    return pointer


def _copy(output: IO[bytes], target: str, mode: int, size: int) -> bool:
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(file, mode)  # whatever the umask is
        first = b""
        for chunk in _chunks(output, size):
            first = first or chunk[:64]
            while chunk:
                chunk = chunk[os.write(file, chunk) :]  # noqa: PLW2901  what is left of it
    finally:
        os.close(file)
    return size < 1024 and first.startswith(_LFS)


def _chunks(output: IO[bytes], size: int) -> Iterator[bytes]:
    while size:
        chunk = output.read(min(size, _CHUNK))
        if not chunk:
            raise Refused("the repository's object ended early", "git fsck names it")
        yield chunk
        size -= len(chunk)


def _must_stay_inside(directory: Path, path: str, commit: CommitId) -> None:
    """Follow a link as the kernel would; where it ends must be below the tree."""
    link = directory / path
    target = os.fspath(link.readlink())
    root = os.path.realpath(directory)
    end = os.path.realpath(link)
    if PurePosixPath(target).is_absolute() or not f"{end}/".startswith(f"{root}/"):
        why = f"a link that leaves the tree, to {printable(target)}"
        raise _refused(commit, path, why, "link to a file of the repository")
