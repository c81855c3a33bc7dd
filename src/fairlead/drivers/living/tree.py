"""A machine's files below a prefix: what its absolute paths and links mean stays inside.

With the prefix ``/`` it is this machine. With another, a tree that was laid out or mounted.
"""

import os
import pwd
import stat
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from fairlead.adopt.model import Thing

LONGEST = 1024 * 1024
"""Bytes of a configuration file; what is longer is something else."""
_MOST_LINKS = 40  # as the kernel: path_resolution(7)


class Tree:
    """Files by their absolute paths on the machine. Nothing here raises for what is not there;
    ``text`` raises OSError for what is there and cannot be read."""

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix.resolve()

    def real(self, path: str) -> str:
        """The path without links, as the machine sees it; what is missing stays as it is."""
        done, left, links = PurePosixPath("/"), list(PurePosixPath(path).parts[1:]), 0
        while left:
            part = left.pop(0)
            if part == "..":
                done = done.parent
                continue
            here = self._prefix / str(done / part).lstrip("/")
            if here.is_symlink() and links < _MOST_LINKS:
                links += 1
                target = PurePosixPath(os.readlink(here))
                done = PurePosixPath("/") if target.is_absolute() else done
                left = [p for p in target.parts if p not in ("/", ".")] + left
            else:
                done = done / part
        return str(done)

    def here(self, path: str) -> Path:
        """Where that path of the machine lies for us."""
        return self._prefix / self.real(path).lstrip("/")

    def named(self, path: str) -> Path:
        """The same, the last part as it is named: what a link is called may matter."""
        above, _, name = path.rpartition("/")
        return self.here(above or "/") / name

    def text(self, path: str) -> str | None:
        """A file's text; None where there is none, or no plain file. Raises OSError."""
        found = self.here(path)
        if not found.is_file():
            return None
        if found.stat().st_size > LONGEST:
            raise OSError(f"longer than {LONGEST} bytes")
        return found.read_text(errors="replace")

    def names(self, path: str) -> tuple[str, ...]:
        """What a directory holds, sorted."""
        try:
            return tuple(sorted(os.listdir(self.here(path))))
        except OSError:
            return ()

    def is_link(self, path: str) -> bool:
        """Whether the last part of a path is a link."""
        return self.named(path).is_symlink()

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Every path that a pattern with ``*`` and ``?`` in its parts means, sorted."""
        found = [""]
        for part in PurePosixPath(pattern).parts[1:]:
            plain = not set(part) & set("*?[")
            found = [
                f"{above}/{name}"
                for above in found
                for name in ([part] if plain else self.names(above or "/"))
                if (plain or not name.startswith(".")) and fnmatchcase(name, part)
            ]
        return tuple(path for path in found if os.path.lexists(self.here(path)))

    def thing(self, path: str) -> Thing:
        """What is at a path."""
        try:
            found = self.here(path).stat()
        except OSError:
            return Thing(path, "")
        kind = "directory" if stat.S_ISDIR(found.st_mode) else "file"
        return Thing(path, kind, 0 if kind == "directory" else found.st_size, self._owner(found))

    def _owner(self, found: os.stat_result) -> str:
        """The owner's name, where the machine is this one; elsewhere ids mean nothing."""
        if str(self._prefix) != "/":
            return ""
        try:
            return pwd.getpwuid(found.st_uid).pw_name
        except KeyError:
            return str(found.st_uid)
