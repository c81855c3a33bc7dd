"""Who runs the commands of apps where Fairlead itself is root, and what of the machine it sees."""

import os
import pwd
import sys
from typing import NamedTuple

from fairlead.base.errors import NotFound, Refused
from fairlead.checks.ports import Command

# What programs need, and what holds nobody's data. The rest of the machine is not there.
_SYSTEM = ("/bin", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/sys", "/usr")
# A link that leads out of /etc on a machine with systemd-resolved.
_NAMES = "/etc/resolv.conf"


class Identity(NamedTuple):
    """A user without rights, by its numbers. ``shown`` are directories of programs that its
    commands can read besides the system's, and Fairlead's own interpreter (absolute paths)."""

    uid: int
    gid: int
    shown: tuple[str, ...] = ()


def identity_of(user: str, shown: tuple[str, ...] = ()) -> Identity:
    """The identity of a user of the machine. Raises NotFound, and Refused for root."""
    try:
        known = pwd.getpwnam(user)
    except KeyError:
        raise NotFound(f"no such user: {user}", "fairlead server install makes it") from None
    if known.pw_uid == 0 or known.pw_gid == 0:
        raise Refused(f"checks and builds may not run as root: {user}", "name another user")
    return Identity(known.pw_uid, known.pw_gid, shown)


def mounts(identity: Identity, command: Command) -> tuple[str, ...]:
    """What of the machine the command sees, as its keeper wants it told; parents come first."""
    own = (sys.prefix, sys.base_prefix, os.path.realpath(_NAMES))
    programs = (*_SYSTEM, *own, *identity.shown)
    found = dict.fromkeys((*programs, *command.reads, command.directory), "r")
    found |= {os.path.realpath(path): "r" for path in (*own, *identity.shown)}
    found |= dict.fromkeys(command.writes, "w")
    there = sorted(path for path in found if path != "/" and os.path.lexists(path))
    return tuple(f"{found[path]}{path}" for path in there if not _within(path, found, there))


def _within(path: str, found: dict[str, str], there: list[str]) -> bool:
    """Whether a directory above it shows it already, with the same rights."""
    above = [other for other in there if path.startswith(f"{other}/")]
    return bool(above) and found[above[-1]] == found[path]
