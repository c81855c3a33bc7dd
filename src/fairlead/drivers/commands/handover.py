"""Directories that a user without rights may write to for the time of one command.

While its command runs they are the user's, and nobody looks into them. Afterwards, when nothing
of the command runs any more, they are ours again, and what was planted in them is of no use:

- A link is never followed: directories are opened with O_NOFOLLOW, and everything else is
  named from the directory it lies in (fchownat(2), AT_SYMLINK_NOFOLLOW).
- A file that has another name outside is not ours to give away or to take: refused.
- A file that is still open for writing, by a descriptor that was sent elsewhere (unix(7),
  SCM_RIGHTS), could be changed after it was looked at: refused. A read lease cannot be taken
  on such a file (fcntl(2)).
- setuid and setgid bits go before the owner changes, so no moment sees such a file of root's;
  the group's write bit goes too, and with it what access control lists grant (acl(5)).
"""

import fcntl
import os
import stat
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from fairlead.base.errors import Refused
from fairlead.base.text import printable

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_OURS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX | stat.S_IWGRP | stat.S_IWOTH
# A descriptor that the kernel closes on its own time (io_uring(7)) outlives its process a little.
_PATIENCE = 1.0
_HINT = "let the command leave files of its own only, and end what it started"


class _Found(NamedTuple):
    folder: int
    name: str
    path: str
    facts: os.stat_result


def give(directory: str, uid: int, gid: int) -> None:
    """Make ``directory`` and all below it that user's. Raises Refused, OSError."""
    _look(directory)
    for folder, found in _walk(directory):
        for one in found:
            os.chown(one.name, uid, gid, dir_fd=folder, follow_symlinks=False)
        os.fchown(folder, uid, gid)


def take(directory: str) -> None:
    """Make ``directory`` and all below it ours, writable by nobody else. Nothing that could
    write to it may run. Raises Refused, OSError."""
    _look(directory)
    uid, gid = os.geteuid(), os.getegid()
    for folder, found in _walk(directory):
        _own(folder, uid, gid)
        for one in found:
            if stat.S_ISREG(one.facts.st_mode):
                _take_file(one, uid, gid)
            else:
                os.chown(one.name, uid, gid, dir_fd=folder, follow_symlinks=False)


def _look(directory: str) -> None:
    """Refuse files that have a name outside ``directory``, before anything is changed."""
    names: Counter[int] = Counter()
    wanted: dict[int, tuple[int, str]] = {}
    for _, found in _walk(directory):
        for one in found:
            if one.facts.st_nlink > 1:
                names[one.facts.st_ino] += 1
                wanted[one.facts.st_ino] = (one.facts.st_nlink, one.path)
    for inode, (links, path) in wanted.items():
        if names[inode] != links:
            raise _refused(directory, path, "has another name, outside")


def _walk(directory: str) -> Iterator[tuple[int, list[_Found]]]:
    """Every directory, open, parents first, and what lies in it that is not a directory."""
    top = os.open(directory, _DIRECTORY)
    try:
        device, waiting = os.fstat(top).st_dev, ["."]
        while waiting:
            below = waiting.pop()
            folder = os.open(below, _DIRECTORY, dir_fd=top)
            try:
                if os.fstat(folder).st_dev != device:
                    raise _refused(directory, below, "is another file system")
                names = sorted(os.listdir(folder))
                facts = [os.stat(name, dir_fd=folder, follow_symlinks=False) for name in names]
                found = [
                    _Found(folder, name, f"{below}/{name}", fact)
                    for name, fact in zip(names, facts, strict=True)
                ]
                waiting += [one.path for one in found if stat.S_ISDIR(one.facts.st_mode)]
                yield folder, [one for one in found if not stat.S_ISDIR(one.facts.st_mode)]
            finally:
                os.close(folder)
    finally:
        os.close(top)


def _take_file(one: _Found, uid: int, gid: int) -> None:
    file = os.open(one.name, _FILE, dir_fd=one.folder)
    try:
        if _open_for_writing(file):
            raise _refused("", one.path, "is still open for writing, elsewhere")
        _own(file, uid, gid)
    finally:
        os.close(file)


def _open_for_writing(file: int) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return True
            time.sleep(0.01)
        else:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return False


def _own(descriptor: int, uid: int, gid: int) -> None:
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & _NOT_OURS:
        os.fchmod(descriptor, mode & ~_NOT_OURS)
    os.fchown(descriptor, uid, gid)


def _refused(directory: str, path: str, why: str) -> Refused:
    where = printable(os.path.normpath(os.path.join(directory, path)))
    return Refused(f"what the command left cannot be trusted: {where} {why}", _HINT)
