"""Removing what somebody else wrote."""

import os
import stat
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(directory: Path) -> int:
    """Remove a directory that may be read-only, and all below it; how many bytes its files had.

    Whoever made it may have meant harm: no link is followed (one that stands in its place is
    removed itself), and no depth is too deep, because what lies two levels down is moved up one
    before its parent is removed.
    """
    try:
        top = os.open(directory, _DIRECTORY)
    except FileNotFoundError:
        return 0
    except NotADirectoryError:
        size = os.lstat(directory).st_size
        os.unlink(directory)
        return size
    size = 0
    try:
        os.fchmod(top, 0o700)
        while names := os.listdir(top):
            size += sum(_removed(top, name) for name in names)
    finally:
        os.close(top)
    os.rmdir(directory)
    return size


def _removed(top: int, name: str) -> int:
    """Remove one entry of ``top``; the directories in it become entries of ``top``."""
    facts = os.stat(name, dir_fd=top, follow_symlinks=False)
    if not stat.S_ISDIR(facts.st_mode):
        os.unlink(name, dir_fd=top)
        return facts.st_size
    _make_writable(top, name)
    folder, size = os.open(name, _DIRECTORY, dir_fd=top), 0
    try:
        for below in os.listdir(folder):
            facts = os.stat(below, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode):
                _make_writable(folder, below)  # its ".." changes
                os.rename(below, os.urandom(12).hex(), src_dir_fd=folder, dst_dir_fd=top)
            else:
                size += facts.st_size
                os.unlink(below, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)
    return size


def _make_writable(parent: int, name: str) -> None:
    """Mode 0700 for a directory, also one that nobody may open; never for what a link names."""
    found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{found}", 0o700)
    finally:
        os.close(found)
