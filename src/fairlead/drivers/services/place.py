"""Where services lie: their data, their sockets, and what is prepared once and kept."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairlead.base.trees import remove_tree
from fairlead.checks.ports import Runner

LONGEST = 107
"""Bytes in the path of a unix socket (unix(7): sun_path has 108, with a NUL)."""
ROOM_FOR_NAME = 24
_LOCK = ".services"
_SHORT = "short"
_PREFIX = "fairlead-services-"


@dataclass(frozen=True)
class Place:
    """``room`` is gone with the round; ``cache`` stays."""

    runner: Runner
    room: Path
    cache: Path

    def directory(self, name: str) -> Path:
        """A new one, for data."""
        path = self.room / name
        path.mkdir(mode=0o700)
        return path

    def sockets(self, name: str) -> Path:
        """A new directory whose path is short enough for sockets."""
        path = self.room / name
        if len(os.fsencode(path)) > LONGEST - ROOM_FOR_NAME:
            path = self.room / _SHORT
            if not path.is_symlink():
                path.symlink_to(tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp"))
            top = path.readlink()
            top.chmod(0o711)
            path = top / name
        path.mkdir(mode=0o700)
        return path

    def kept(self, name: str, make: Callable[[Path], None]) -> Path:
        """What ``make`` once put into a directory, whole or not at all; two that ask at once
        make it once."""
        self.cache.mkdir(parents=True, exist_ok=True)
        made = self.cache / name
        with locked(self.cache / f".{name}.lock"):
            if not made.is_dir():
                new = self.cache / f".{name}.new"
                if new.exists():
                    remove_tree(new)
                new.mkdir(mode=0o700)
                make(new)
                new.rename(made)
        return made


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone with that file, or directory."""
    flags = os.O_RDONLY | (os.O_DIRECTORY if path.is_dir() else os.O_CREAT) | os.O_CLOEXEC
    file = os.open(path, flags, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


@contextmanager
def opened(runner: Runner, room: Path, cache: Path) -> Iterator[Place]:
    """A place, gone afterwards. What killed rounds left beside it goes first."""
    room.parent.mkdir(parents=True, exist_ok=True)
    with locked(room.parent):
        for other in room.parent.iterdir():
            if (other / _LOCK).is_file() and not held(other / _LOCK):
                clear(other)
        room.mkdir(mode=0o711)
        mark = (room / _LOCK).open("w")
        fcntl.flock(mark, fcntl.LOCK_EX)
    with mark:
        try:
            yield Place(runner, room, cache)
        finally:
            clear(room)


def held(lock: Path) -> bool:
    """Whether a round that lives has it."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def clear(room: Path) -> None:
    """Remove a room, and what it has elsewhere."""
    short = room / _SHORT
    if short.is_symlink():
        shutil.rmtree(short.readlink(), ignore_errors=True)
    remove_tree(room)
