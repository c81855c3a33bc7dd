"""What lies at a path, who the users are, which units run: below a prefix, or of this machine."""

import pwd
import stat
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from fairlead.base.errors import Unknown
from fairlead.server.model import At, Kind, UnitSeen

LIMIT = 60.0
"""Seconds a question to a program may take."""

LONGEST = 1 << 20
"""Bytes of a file that are read; none of ours is nearly as long."""

_PROPERTIES = ("Id", "LoadState", "ActiveState", "UnitFileState")


class Users:
    """Names and numbers of users, from the password file below a prefix."""

    def __init__(self, prefix: Path) -> None:
        self._file = prefix / "etc/passwd"

    def all(self) -> dict[str, tuple[int, int, str, str]]:
        """User id, group id, home and shell by name (passwd(5))."""
        if self._file == Path("/etc/passwd"):  # there may be more than the file has
            found = pwd.getpwall()
            return {
                one.pw_name: (one.pw_uid, one.pw_gid, one.pw_dir, one.pw_shell) for one in found
            }
        rows = [line.split(":") for line in self._text().splitlines()]
        fields = [row for row in rows if len(row) == 7]
        return {row[0]: (int(row[2]), int(row[3]), row[5], row[6]) for row in fields}

    def _text(self) -> str:
        try:
            return self._file.read_text()
        except FileNotFoundError:
            return ""


def at(path: Path, names: Mapping[int, str]) -> At:
    """What lies at a path. Raises Unknown when that cannot be seen."""
    try:
        found = path.lstat()
        owner, mode = names.get(found.st_uid, str(found.st_uid)), stat.S_IMODE(found.st_mode)
        if stat.S_ISREG(found.st_mode):
            return At(Kind.FILE, owner, mode, _text(path))
        if stat.S_ISLNK(found.st_mode):
            return At(Kind.LINK, owner, mode, str(path.readlink()))
    except (FileNotFoundError, NotADirectoryError):
        return At()
    except OSError as error:
        raise Unknown(f"it cannot be looked at: {path}: {error.strerror}", "be root") from error
    return At(Kind.DIRECTORY if stat.S_ISDIR(found.st_mode) else Kind.OTHER, owner, mode)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LONGEST).decode(errors="backslashreplace")


def units(names: Iterable[str]) -> dict[str, UnitSeen]:
    """What systemd says of units. Raises Unknown."""
    asked = list(names)
    said = told("systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *asked)
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines()) for block in said.split("\n\n")
    ]
    return {name: _unit(block) for name, block in zip(asked, blocks, strict=False)}


def _unit(said: Mapping[str, str]) -> UnitSeen:
    return UnitSeen(
        enabled=said.get("UnitFileState") == "enabled",
        active=said.get("ActiveState") in ("active", "reloading", "activating"),
        masked=said.get("LoadState") == "masked",
        failed=said.get("ActiveState") == "failed",
    )


def told(*argv: str) -> str:
    """What a program prints. Raises Unknown when it says no, or nothing in time."""
    try:
        ran = subprocess.run(argv, check=False, capture_output=True, timeout=LIMIT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unknown(f"{argv[0]} gave no answer: {error}", " ".join(argv)) from error
    if ran.returncode:
        said = " ".join(ran.stderr.decode(errors="replace").split()) or f"exit {ran.returncode}"
        raise Unknown(f"{argv[0]} gave no answer: {said}", " ".join(argv))
    return ran.stdout.decode(errors="replace")
