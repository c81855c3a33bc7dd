"""``logs``: what copies, checks, builds and services printed."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairlead.base.errors import NotFound, Refused, UsageError
from fairlead.base.ids import Place, is_name
from fairlead.record import references as refs
from fairlead.record.chain import entry_of
from fairlead.service.tools import Tools

_COPY = re.compile(r"([a-z][a-z0-9-]*)(?:\.([1-9][0-9]{0,3}))?")
_COMMIT = re.compile(r"[0-9a-f]{4,40}")
_BLOCK = 64 * 1024
PAUSE = 0.1
"""Seconds between two looks when following."""


class LogFile(msgspec.Struct, frozen=True):
    """One log: whose it is, where, and of which place's copies and tasks (None: of a check or
    a build)."""

    name: str
    path: str
    place: Place | None = None


class LogLine(msgspec.Struct, frozen=True):
    """One line of a log, as it was printed but for its end; broken bytes are replaced."""

    log: str
    line: str


def of_place(tools: Tools, place: Place, text: str = "") -> tuple[LogFile, ...]:
    """The logs of a role's copies (``web``, ``web.1``), or of all, tasks included.

    Raises UsageError for what names no role, NotFound where nothing was printed yet.
    """
    if text and not _COPY.fullmatch(text):
        raise UsageError(f"not a role or a copy: {text!r}", "fairlead logs PLACE web, or web.1")
    directory = tools.home.log(place, "x").parent
    names = sorted(path.stem for path in directory.glob("*.log"))
    found = [name for name in names if not text or name == text or name.startswith(f"{text}.")]
    if found:
        return tuple(LogFile(name, str(directory / f"{name}.log"), place) for name in found)
    what = f"no log of {text} in {place}" if text else f"no log in {place} yet"
    raise NotFound(what, f"there are: {', '.join(names)}" if names else "fairlead status")


def of_check(tools: Tools, app: str, name: str, commit: str) -> tuple[LogFile, ...]:
    """A check's log for a commit. Raises NotFound."""
    if not is_name(name):
        raise UsageError(f"not a name of a check: {name!r}", "fairlead logs --check tests COMMIT")
    return (_kept(tools, app, commit, name, f"check {name}"),)


def of_build(tools: Tools, app: str, commit: str) -> tuple[LogFile, ...]:
    """The build's log for a commit. Raises NotFound."""
    return (_kept(tools, app, commit, "build", "build"),)


def _kept(tools: Tools, app: str, commit: str, name: str, what: str) -> LogFile:
    whole = _whole(tools, app, commit)
    path = tools.home.logs / app / whole / f"{name}.log"
    if path.is_file():
        return LogFile(name, str(path))
    there = sorted(p.stem for p in path.parent.glob("*.log"))
    hint = f"there are: {', '.join(there)}" if there else f"fairlead trace {whole[:12]}"
    raise NotFound(f"no log of {what} for commit {whole[:12]} of {app}", hint)


def _whole(tools: Tools, app: str, commit: str) -> str:
    """The full id of a commit on record, from its first digits."""
    text = commit.lower()
    if not _COMMIT.fullmatch(text):
        raise UsageError(f"not a commit: {commit!r}", "give at least its first 4 digits")
    found = tools.store.first_value(refs.COMMIT, text)
    if not found.startswith(text) or not _is_of(tools, app, found):
        raise NotFound(f"no commit {commit} of {app} on record", "git push fairlead brings one")
    return found


def _is_of(tools: Tools, app: str, commit: str) -> bool:
    rows = tools.store.find(refs.COMMIT, commit, limit=20)
    return any(entry_of(row).app == app for row in rows)


def last(tools: Tools, files: tuple[LogFile, ...], lines: int) -> tuple[LogLine, ...]:
    """The last ``lines`` lines of each, secrets masked."""
    return tuple(
        LogLine(file.name, _masked(tools, file, line))
        for file in files
        for line in _tail(Path(file.path), lines)
    )


def follow(tools: Tools, files: tuple[LogFile, ...]) -> Iterator[LogLine]:
    """Lines as they are printed, secrets masked, for ever; a log that is rotated or begun anew
    is read on."""
    readers = [(file, _Reader(file)) for file in files]
    while True:
        found = [(file, line) for file, reader in readers for line in reader.more()]
        for file, line in found:
            yield LogLine(line.log, _masked(tools, file, line.line))
        if not found:
            tools.clock.sleep(PAUSE)


def _masked(tools: Tools, file: LogFile, line: str) -> str:
    """The line without the values of its place's secrets.

    Raises Refused where they are not known: then nobody can say what the line gives away.
    """
    if file.place is None:
        return line  # a check's or a build's: it never had one
    try:
        return tools.sealed.scrubber(file.place)(line)
    except Refused as error:
        what = f"secrets in the log cannot be masked: {error.what}"
        raise Refused(what, f"{error.hint}; the log as it is: {file.path}") from None


def _tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file, read from its end."""
    if lines <= 0:
        return []
    data, at = b"", 0
    with path.open("rb") as file:
        at = file.seek(0, os.SEEK_END)
        while at > 0 and data.count(b"\n") <= lines:
            step = min(_BLOCK, at)
            at = file.seek(at - step)
            data = file.read(step) + data
            file.seek(at)
    return data.decode("utf-8", "replace").splitlines()[-lines:]


class _Reader:
    """Reads on in one file from where it ends now."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        found = _stat(file.path)
        self._inode = found.st_ino if found else 0
        self._at = found.st_size if found else 0
        self._rest = b""

    def more(self) -> list[LogLine]:
        """What was printed since the last time, in whole lines."""
        found = _stat(self._file.path)
        if found is None:
            return []
        if found.st_ino != self._inode or found.st_size < self._at:
            self._inode, self._at, self._rest = found.st_ino, 0, b""
        with open(self._file.path, "rb") as file:
            file.seek(self._at)
            data = file.read(_BLOCK)
        self._at += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [LogLine(self._file.name, line.decode("utf-8", "replace")) for line in whole]


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
