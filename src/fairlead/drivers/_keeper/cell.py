"""Namespaces: what of the machine a command can name, and which network it has."""

import ctypes
import os
import sys

from fairlead.drivers._keeper.libc import LIBC, PR_SET_PDEATHSIG, SIGKILL, called

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x8000000, 0x20000000
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
AF_INET, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP = 2, 2, 0x8914, 1  # netdevice(7)
CAP_NET_ADMIN = 12
_UP = b"lo".ljust(16, b"\0") + IFF_UP.to_bytes(2, sys.byteorder)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 1 << 18
MNT_DETACH, AT_FDCWD, AT_RECURSIVE = 2, -100, 0x8000
MOUNT_SETATTR = 442  # the same number on every architecture; glibc 2.36 is the first to know it
READ_ONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8  # mount_setattr(2)
# Where the new root is put together: a directory that is there, and not needed from the old one.
ROOM = "/proc"
SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  the cell's own
SCRATCH_SIZE = "size=128m,mode=755"  # memory; a command's TMPDIR lies on disk
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
HIDDEN = "/etc/fairlead"


def apart(*, offline: bool) -> tuple[int, bool, str]:
    """Go on in a child that is process 1 of a namespace: the child's id, 0 in the child; whether
    the machine's network is there; and why there is no child."""
    own, online = CLONE_NEWPID | CLONE_NEWIPC, True
    user, group = os.geteuid(), os.getegid()
    if user:
        own |= CLONE_NEWUSER | CLONE_NEWNS
    try:
        if offline and (user or may_set_up_networks()):
            online = LIBC.unshare(own | CLONE_NEWNET) != 0
        if online:
            called("namespaces", LIBC.unshare(own))
        if user:
            only(user, group)
        child = os.fork()
    except OSError as error:
        return 0, online, f"{error.strerror}: {error.filename or 'fork'}"
    if child == 0:
        LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    return child, online, "" if child or online else loopback()


def offline() -> tuple[bool, str]:
    """Leave the machine's network, where the system lets us: whether it is still there, and why
    we can go nowhere from here.

    Who is not root needs a namespace of users for it, in which he is who he is and nobody else
    is anybody (user_namespaces(7)).
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        if not may_set_up_networks() or LIBC.unshare(CLONE_NEWNET):
            return True, ""
        return False, loopback()
    if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        return True, ""
    try:
        only(user, group)
    except OSError as error:
        return False, f"{error.strerror}: its user in a network of its own"
    return False, loopback()


def only(user: int, group: int) -> None:
    """Be who we are in a new namespace of users. Raises OSError."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def may_set_up_networks() -> bool:
    """Whether a root that may make a network may also bring up what is in it."""
    with open("/proc/self/status") as file:
        (effective,) = (line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_NET_ADMIN & 1)


def loopback() -> str:
    """Bring up the loopback of a new network; why that failed, or ""."""
    door = LIBC.socket(AF_INET, SOCK_DGRAM, 0)
    asked = ctypes.create_string_buffer(_UP, 40)
    failed = LIBC.ioctl(door, SIOCSIFFLAGS, asked)
    os.close(door)
    return "the loopback of its network does not come up" if failed else ""


def furnish(mounts: list[str]) -> str:
    """Move into a root of our own that has ``mounts`` and nothing else; why that failed, or ""."""
    directory = os.getcwd()
    try:
        called("unshare", LIBC.unshare(CLONE_NEWNS))
        mount("none", "/", "", MS_REC | MS_PRIVATE)
        os.umask(0o022)
        mount("tmpfs", ROOM, "tmpfs", MS_NOSUID | MS_NODEV, SCRATCH_SIZE)
        for entry in mounts:
            show(entry[1:], READ_ONLY | NODEV if entry[0] == "r" else NODEV)
        devices()
        for path in SCRATCH:
            os.makedirs(ROOM + path, exist_ok=True)
            os.chmod(ROOM + path, 0o1777)  # noqa: S103  as /tmp is everywhere
        if os.path.isdir(ROOM + HIDDEN):
            mount("tmpfs", ROOM + HIDDEN, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=000")
        os.makedirs(f"{ROOM}/proc")
        mount("proc", f"{ROOM}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        os.chdir(ROOM)
        called("pivot_root", LIBC.pivot_root(b".", b"."))  # pivot_root(2): needs no second place
        called("umount2", LIBC.umount2(b".", MNT_DETACH))
        os.chdir(directory)
    except OSError as error:
        return f"{error.strerror}: {error.filename or 'its cell'}"
    return ""


def show(path: str, attributes: int) -> None:
    """Make a file or directory of the machine appear in the new root, at the same path."""
    target = ROOM + path
    if os.path.islink(path):  # /bin and its like
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    mount(path, target, "", MS_BIND | MS_REC)
    asked = (ctypes.c_uint64 * 4)(attributes | NOSUID, 0, 0, 0)
    name, size = os.fsencode(target), ctypes.sizeof(asked)
    done = LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, name, AT_RECURSIVE, ctypes.byref(asked), size)
    called(path, done)


def devices() -> None:
    """The few devices that any program may need, and terminals of its own (pty(7))."""
    for name in DEVICES:
        show(f"/dev/{name}", NOEXEC)
    os.makedirs(f"{ROOM}/dev/pts")
    mount("devpts", f"{ROOM}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666")
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "fd/0"),
                         ("stdout", "fd/1"), ("stderr", "fd/2")):  # fmt: skip
        os.symlink(target, f"{ROOM}/dev/{name}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    names = [os.fsencode(text) for text in (source, target, kind)]
    called(target, LIBC.mount(*names, ctypes.c_ulong(flags), options.encode()))
