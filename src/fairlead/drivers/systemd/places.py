"""What a place needs on the server before anything of it runs: a user and directories of its own."""

import grp
import os
import pwd
import stat
import subprocess
from pathlib import Path

from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.drivers.systemd import names
from fairlead.drivers.systemd.quoting import path

TMPFILES = Path("/etc/tmpfiles.d")


def make_user(place: Place) -> pwd.struct_passwd:
    """The place's own system user and group, made now when there is none. It cannot log in.

    Raises FairleadError when it cannot be made.
    """
    name = names.user_of(place)
    found = user(place)
    if found is None:
        _run("useradd", "--system", "--user-group", "--no-create-home", *_NO_LOGIN, name)
        found = pwd.getpwnam(name)
    return found


_NO_LOGIN = ("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")


def user(place: Place) -> pwd.struct_passwd | None:
    """The place's user, or None."""
    try:
        return pwd.getpwnam(names.user_of(place))
    except KeyError:
        return None


def make_data(directory: Path, owner: pwd.struct_passwd) -> None:
    """A directory that the place alone can enter. Raises Refused when it is another user's."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if found.st_uid not in (0, owner.pw_uid) or not stat.S_ISDIR(found.st_mode):
        raise Refused(f"not a directory of {owner.pw_name}: {directory}", f"ls -ld {directory}")
    if (found.st_uid, found.st_gid) != (owner.pw_uid, owner.pw_gid):
        os.chown(directory, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    if stat.S_IMODE(found.st_mode) != 0o700:
        directory.chmod(0o700)
    for entry in directory.iterdir():
        _hand_over(entry, owner)


def _hand_over(entry: Path, owner: pwd.struct_passwd) -> None:
    """A directory that root made for the place is the place's. Whatever else stands there, a link
    among it, is left: the place itself may have put it there."""
    try:
        found = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if os.fstat(found).st_uid == 0:
            os.fchown(found, owner.pw_uid, owner.pw_gid)
    finally:
        os.close(found)


def make_sockets(place: Place, directory: Path, owner: pwd.struct_passwd, proxy: str) -> None:
    """The directory of the place's sockets: it writes there, and the proxy's group may connect.

    The group is handed on to the sockets (setgid, see inode(7)). systemd-tmpfiles makes it, now
    and, since /run is empty then, at each boot. Raises Refused when it is another user's.
    """
    gid = group(proxy)
    found = directory.lstat() if directory.exists() else None
    if found and found.st_uid not in (0, owner.pw_uid):
        what = f"sockets of {place} would lie in another user's directory: {directory}"
        raise Refused(what, f"ls -ld {directory}")
    rule = TMPFILES / f"{names.prefix(place)}conf"
    text = f"d {path(str(directory))} 2750 {owner.pw_name} {proxy} -\n"
    kept = rule.exists() and rule.read_text() == text
    wanted = (owner.pw_uid, gid, 0o2750)
    if found and kept and wanted == (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)):
        return
    TMPFILES.mkdir(exist_ok=True)
    rule.write_text(text)
    _run("systemd-tmpfiles", "--create", str(rule))


def group(proxy: str) -> int:
    """The id of the proxy's group. Raises Refused when there is none."""
    try:
        return grp.getgrnam(proxy).gr_gid
    except KeyError as error:
        raise Refused(f"no such group: {proxy}, the proxy's", "install the proxy first") from error


def _run(*argv: str) -> None:
    ran = subprocess.run(argv, check=False, capture_output=True, text=True)
    if ran.returncode:
        said = " ".join(ran.stderr.split()) or f"exit {ran.returncode}"
        raise FairleadError(f"{argv[0]} failed: {said}", " ".join(argv))
