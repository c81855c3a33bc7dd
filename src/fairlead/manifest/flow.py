"""The manifest room's verbs: writing the first ``fairlead.toml``, and a CI's workflow by it."""

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, UsageError
from fairlead.manifest.ci import Ci, workflow
from fairlead.manifest.guess import Reason, guess
from fairlead.manifest.rules import FILE, parse

_SKIPPED = frozenset(
    {".git", ".hg", ".venv", "venv", "env", ".tox", ".nox", "node_modules", "__pycache__", "vendor"}
)
_READ = re.compile(
    r"Procfile|Pipfile|manage\.py|alembic\.ini|package\.json|pyproject\.toml|uv\.lock|pylock\.toml"
    r"|schema\.prisma|[\w.-]+\.(?:py|js|cjs|mjs|ts)|[\w.-]*requirements[\w.-]*\.(?:txt|in)"
    r"|(?:base|prod|production|common)\.txt"
)
MOST_PATHS = 20_000
DEEPEST = 8
LONGEST_FILE = 512 * 1024  # bytes; locks are read up to eight times as much
MOST_READ = 16 * 1024 * 1024  # bytes, of all files together


class InitResult(msgspec.Struct, frozen=True):
    """What ``init`` wrote: where, the text, what it took the repository for, why each line, and
    what is left to the person (``todo``)."""

    path: str
    text: str
    kind: str
    reasons: tuple[Reason, ...]
    todo: tuple[str, ...]


def init(directory: Path, force: bool = False) -> InitResult:
    """Write the first manifest of the repository in ``directory``, from what is in it.

    Reads no more than it needs, follows no symbolic link, asks nothing. An existing manifest is
    left alone unless ``force``. Raises UsageError when there is one, or when nothing in the
    repository is recognised.
    """
    target = directory / FILE
    if not directory.is_dir():
        raise UsageError(f"no such directory: {directory}", "give the repository's directory")
    if os.path.lexists(target) and not force:
        raise _there(target)
    texts, paths = looked(directory)
    found = guess(texts, paths, directory.resolve().name, _branch(directory))
    _write(target, found.text, force)
    return InitResult(str(target), found.text, found.kind, found.reasons, found.todo)


class CiResult(msgspec.Struct, frozen=True):
    """The workflow that was written: where, its text, and what is left to the person."""

    path: str
    text: str
    todo: tuple[str, ...]


def init_ci(directory: Path, ci: Ci, force: bool = False) -> CiResult:
    """Write a CI's workflow, as the manifest in ``directory`` says.

    One that is there is left alone unless ``force``. Raises UsageError when there is one, or no
    manifest, or one that no workflow can be written for.
    """
    manifest = directory / FILE
    if not manifest.is_file():
        raise UsageError(f"there is no manifest: {manifest}", f"fairlead init {directory}")
    made = workflow(ci, parse(_text(manifest, LONGEST_FILE), str(manifest)))
    target = directory / made.path
    if os.path.lexists(target) and not force:
        raise _there(target, f" --ci {ci}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritten(target, error) from error
    _write(target, made.text, force)
    return CiResult(str(target), made.text, made.todo)


def looked(directory: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """What a guess is made of: the texts of the files that matter, and all paths."""
    paths = tuple(_paths(directory))
    return _texts(directory, paths), paths


def _there(target: Path, how: str = "") -> UsageError:
    return UsageError(f"there is one already: {target}", f"fairlead init{how} --force replaces it")


def _unwritten(target: Path, error: OSError) -> FairleadError:
    return FairleadError(
        f"it could not be written: {target}: {error.strerror}",
        f"look at the directory: ls -ld {target.parent}; df {target.parent}",
    )


def _paths(directory: Path) -> Iterator[str]:
    """Regular files below, the shallowest first, as far as the limits go."""
    level, left = [""], MOST_PATHS
    for _ in range(DEEPEST):
        below: list[str] = []
        for prefix in level:
            for entry in _entries(directory / prefix):
                if entry.is_dir(follow_symlinks=False):
                    below += [f"{prefix}{entry.name}/"] if entry.name not in _SKIPPED else []
                elif entry.is_file(follow_symlinks=False) and left > 0:
                    left -= 1
                    yield f"{prefix}{entry.name}"
        level = below if left > 0 else []


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return sorted((e for e in found if e.name.isprintable()), key=lambda entry: entry.name)
    except OSError:
        return []  # what cannot be looked into tells nothing


def _texts(directory: Path, paths: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    left = MOST_READ
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        if left > 0 and _READ.fullmatch(name):
            limit = LONGEST_FILE * (8 if name.endswith(".lock") else 1)
            text = _text(directory / path, min(limit, left))
            left -= len(text)
            found[path] = text
    return found


def _text(path: Path, limit: int) -> str:
    """A file's text; empty when it is longer than ``limit`` or cannot be read.

    O_NONBLOCK, so that a pipe that took the file's place since cannot hold us up.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
            return ""
        return file.read(limit).decode("utf-8", "replace")


def _branch(directory: Path) -> str:
    """The branch that is checked out (git's HEAD file); "main" where that cannot be told."""
    match = re.fullmatch(r"ref: refs/heads/(\S+)\n?", _text(directory / ".git" / "HEAD", 1024))
    return match[1] if match else "main"


def _write(target: Path, text: str, force: bool) -> None:
    """Whole or not at all, and never over a file that appeared meanwhile."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(handle, 0o644)
                os.fsync(handle)
            _put(Path(name), target, force)
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise _there(target) from None
    except OSError as error:
        raise _unwritten(target, error) from error


def _put(made: Path, target: Path, force: bool) -> None:
    if force:
        made.replace(target)
    else:
        os.link(made, target)  # fails when the target exists, unlike a rename
