"""A commit's tree on disk: exactly its bytes.

Not by ``git checkout`` or ``git archive``: attributes in the tree would let the commit choose
line ends, keyword expansion, left-out files and filters (gitattributes(5)). Blobs are read with
one ``git cat-file --batch`` and written as they are.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from fairlead.base.errors import Refused
from fairlead.base.ids import CommitId
from fairlead.base.text import printable
from fairlead.checks.ports import LaidOut
from fairlead.drivers.git.run import NOWHERE, failed, git, hermetic, missing

MOST_FILES = 200_000
MOST_BYTES = 4 << 30
LARGEST_FILE = 1 << 30
"""What a tree may hold at most: a push must not fill a small server's disk by itself."""

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
    repository: Path, commit: CommitId, directory: Path, quarantine: Mapping[str, str] = NOWHERE
) -> LaidOut:
    """Write the commit's files and links below ``directory``, which must not exist yet."""
    named = git(repository, "rev-parse", f"{commit}^{{tree}}", quarantine=quarantine)
    tree = named.decode().strip()
    entries = listed(repository, commit, quarantine)
    directory.mkdir(parents=True)
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
    said = git(repository, *asked, quarantine=quarantine)
    entries = [_entry(line, commit) for line in said.split(b"\0") if line]
    total = sum(entry.size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        raise Refused(
            f"commit {commit[:12]} is too large: {len(entries)} files, {total} bytes",
            f"at most {MOST_FILES} files and {MOST_BYTES} bytes: keep data outside the repository",
        )
    return entries


def _entry(line: bytes, commit: CommitId) -> Entry:
    facts, _, name = line.partition(b"\t")
    mode, _, blob, size = facts.decode().split()
    path = _safe(name, commit)
    if mode == _SUBMODULE:
        raise _refused(commit, path, "a submodule, which is not laid out", "put its files in")
    if not size.isdigit():  # git says BAD for an object it does not have
        raise _refused(commit, path, "its content is missing", "push the commit again")
    entry = Entry(mode, blob, int(size), path)
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
    with blobs as output:
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
        self._wanted = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._wanted.write(b"".join(entry.blob.encode() + b"\n" for entry in self.entries))
        self._wanted.seek(0)

    def __enter__(self) -> IO[bytes]:
        try:
            self._git = subprocess.Popen(
                ["git", f"--git-dir={self._repository}", "cat-file", "--batch", "--buffer"],
                env=hermetic(self._repository, self._quarantine),
                stdin=self._wanted,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise missing() from None
        assert self._git.stdout is not None
        return self._git.stdout

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._git.stdout is not None
        self._git.stdout.close()
        self._wanted.close()
        if self._git.wait() and kind is None:
            raise failed(self._repository, "cat-file", b"")


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
        os.symlink(output.read(entry.size), target.encode())
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
