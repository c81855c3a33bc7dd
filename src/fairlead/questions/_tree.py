"""The files of a tree that somebody else wrote: no link is followed, no device is opened."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def files(tree: str) -> tuple[str, ...]:
    """Every regular file, relative to the tree, with ``/``, sorted. ``.git`` is none of it."""
    return tuple(sorted(_below(tree, "")))


def _below(directory: str, prefix: str) -> Iterator[str]:
    # A list of its own in place of recursion: no depth is too deep.
    waiting = [(directory, prefix)]
    while waiting:
        directory, prefix = waiting.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    yield prefix + entry.name
                elif entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                    waiting.append((entry.path, f"{prefix}{entry.name}/"))


def start_of(tree: str, path: str, most: int) -> tuple[bytes, int]:
    """The first ``most`` bytes of a file, and how large it is whole. Raises OSError."""
    handle = os.open(Path(tree, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as opened:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError("no regular file")
        return opened.read(most), facts.st_size
