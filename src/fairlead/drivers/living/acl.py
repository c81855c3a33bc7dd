"""Letting one more user write to files that stay another's: POSIX access control lists.

They lie in extended attributes, in the form of linux/posix_acl_xattr.h: a version, and entries
of tag, permissions and id. setfacl(1) does the same, and is not on every machine.
"""

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_HEAD, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_VERSION, _NOBODY = 2, 0xFFFFFFFF
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
Acl = dict[tuple[int, int], int]
"""Permissions (4 read, 2 write, 1 execute) by tag and id."""


def grant(top: Path, uid: int) -> None:
    """Let a user read and write everything below ``top``, and what will be made there; nobody
    loses a right. Links are not followed. Raises OSError."""
    for path in (top, *_below(top)):
        facts = path.lstat()
        if stat.S_ISDIR(facts.st_mode):
            _add(path, ACCESS, uid, 7, facts)
            # A default list takes the place of the umask: its owner's files stay the owner's too.
            _add(path, DEFAULT, uid, 7, facts, also=facts.st_uid)
        elif stat.S_ISREG(facts.st_mode):
            _add(path, ACCESS, uid, 6 | (facts.st_mode >> 6) & 1, facts)


def _below(top: Path) -> Iterator[Path]:
    for parent, directories, names in os.walk(top):
        yield from (Path(parent) / name for name in (*directories, *names))


def _add(
    path: Path, kind: str, uid: int, bits: int, facts: os.stat_result, also: int | None = None
) -> None:
    before = read(path, kind)
    acl = before or _of_mode(facts.st_mode)
    for one in filter(None, (uid, also)):
        acl = {**acl, (USER, one): bits}
    acl |= {(MASK, _NOBODY): _masked(acl)}
    if acl != before:
        os.setxattr(path, kind, _packed(acl), follow_symlinks=False)


def read(path: Path, kind: str = ACCESS) -> Acl:
    """A path's list; {} where it has none but its mode."""
    try:
        data = os.getxattr(path, kind, follow_symlinks=False)
    except OSError:
        return {}
    return {(tag, who): bits for tag, bits, who in _ENTRY.iter_unpack(data[_HEAD.size :])}


def _of_mode(mode: int) -> Acl:
    return {
        (USER_OBJ, _NOBODY): mode >> 6 & 7,
        (GROUP_OBJ, _NOBODY): mode >> 3 & 7,
        (OTHER, _NOBODY): mode & 7,
    }


def _masked(acl: Acl) -> int:
    """The most that anybody but owner and others may have: all that is given."""
    bits = 0
    for (tag, _), given in acl.items():
        bits |= given if tag in (USER, GROUP_OBJ, GROUP) else 0
    return bits


def _packed(acl: Acl) -> bytes:
    """Sorted by tag and id, as the kernel wants it (acl(5))."""
    entries = (_ENTRY.pack(tag, bits, who) for (tag, who), bits in sorted(acl.items()))
    return _HEAD.pack(_VERSION) + b"".join(entries)
