"""A small process that runs one command and leaves none of its processes behind.

Run as a script (standard library only), because what it does belongs to a whole process: it
is the subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) of everything the command starts, so that
also a grandchild that called setsid() and lost its parents comes to it and can be ended. It
holds the read end of a pipe whose write end Fairlead holds: when Fairlead dies, however it
dies, the pipe closes and the command is ended.

    keeper.py STATUS_FD LIFE_FD ENVIRONMENT_FD LIMIT GRACE NICE [UID GID MOUNT …] -- COMMAND …

It writes to STATUS_FD, each on a line: the exit code, the signal, 1 when the time was up, how
many processes were left behind, why the command could not be started. ENVIRONMENT_FD holds the
command's environment, NUL-separated: of the command it is, not of a keeper that may be root.

With UID and GID the command runs in a cell. The keeper starts a second one, which is process 1
of namespaces of its own (pid_namespaces(7), mount_namespaces(7), ipc_namespaces(7)) in which
nothing of the machine is there but the MOUNTs, "r/path" to read and "w/path" to write. What
lies at other paths cannot be named, and processes outside cannot be seen, signalled or traced,
though they have the same user. When process 1 of such a namespace ends, the kernel kills all
others in it and waits for them: once this keeper has ended with 0, nothing of the command
runs.

Every import here is paid by every check: json, pathlib, signal and contextlib would cost 20 ms.
"""

import ctypes
import os
import select
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
SIGKILL, SIGPIPE, SIGTERM, SIGXFSZ = 9, 13, 15, 25  # signal(7)
# On a small server the kernel should take a check or a build before a copy that serves.
OUT_OF_MEMORY_FIRST = b"800"
LIBC = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x8000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 1 << 18
MNT_DETACH, AT_FDCWD, AT_RECURSIVE = 2, -100, 0x8000
MOUNT_SETATTR = 442  # the same number on every architecture; glibc 2.36 is the first to know it
READ_ONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8  # mount_setattr(2)
RLIMIT_CORE = 4
# Where the new root is put together: a directory that is there, and not needed from the old one.
ROOM = "/proc"
SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  the cell's own
SCRATCH_SIZE = "size=128m,mode=755"  # memory; a command's TMPDIR lies on disk
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
HIDDEN = "/etc/fairlead"


def main(arguments: list[str]) -> int:
    """Run the command of ``arguments``; 0 once its status is written."""
    split = arguments.index("--")
    status, life, words = (int(text) for text in arguments[:3])
    limit, grace, nice = float(arguments[3]), float(arguments[4]), int(arguments[5])
    cell, argv = arguments[6:split], arguments[split + 1 :]
    environment = environment_in(words)
    for descriptor in (status, life):
        os.set_inheritable(descriptor, False)
    problem = ""
    if cell:
        keeper, problem = namespaces()
        if keeper:
            os.close(life)
            os.close(status)
            return abs(os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]))
        problem = problem or furnish(cell[2:])
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    job = Job(argv, environment, nice, [int(text) for text in cell[:2]])
    said = (0, 0, 0, 0, problem) if problem else run(job, life, limit, grace)
    os.write(status, "\n".join(str(part) for part in said).encode())
    return 0


class Job:
    """What the child is to become. ``who`` is (uid, gid), or empty: who we are."""

    def __init__(
        self, argv: list[str], environment: dict[bytes, bytes], nice: int, who: list[int]
    ) -> None:
        self.argv = argv
        self.environment = environment
        self.nice = nice
        self.who = who


def environment_in(descriptor: int) -> dict[bytes, bytes]:
    """The variables that a file holds."""
    with os.fdopen(descriptor, "rb") as file:
        pairs = (part.partition(b"=") for part in file.read().split(b"\0"))
        return {name: value for name, equals, value in pairs if equals}


def namespaces() -> tuple[int, str]:
    """Go on in a child that is process 1 of a namespace: the child's id, 0 in the child; and why
    there is none."""
    try:
        called("namespaces", LIBC.unshare(CLONE_NEWPID | CLONE_NEWIPC))
        child = os.fork()
    except OSError as error:
        return 0, f"{error.strerror}: {error.filename or 'fork'}"
    if child == 0:
        LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    return child, ""


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


def called(what: str, result: int) -> None:
    """Raises OSError for what the C library says went wrong with ``what``."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def run(job: Job, life: int, limit: float, grace: float) -> tuple[int | str, ...]:
    """Start it, watch it, end what is left; how it ended."""
    child, problem = start(job)
    timed_out = False
    if not problem:
        timed_out = watch(child, life, limit, grace)
    _, waited = os.waitpid(child, 0)
    left = end_all(min(grace, 1.0))
    code = os.waitstatus_to_exitcode(waited)
    return max(code, 0), max(-code, 0), int(timed_out), left, problem


def start(job: Job) -> tuple[int, str]:
    """The child's process id, and why it could not become the command ("" when it did)."""
    reader, writer = os.pipe()  # closed by a successful exec, so reading ends at once
    child = os.fork()
    if child == 0:
        become(job, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        return child, pipe.read().decode(errors="replace")


def become(job: Job, problems: int) -> None:
    """In the child: a session of its own, default signals, and then the command. Never returns."""
    try:
        os.setsid()
        os.nice(job.nice)
        for number in (SIGPIPE, SIGXFSZ):
            LIBC.signal(number, None)  # SIG_DFL; Python starts with them ignored
        first_when_memory_is_short()
        if job.who:
            drop(*job.who)
        os.execvpe(job.argv[0], job.argv, job.environment)  # noqa: S606  that is the whole point
    except OSError as error:
        os.write(problems, (error.strerror or str(error)).encode())
    finally:
        os._exit(127)


def drop(user: int, group: int) -> None:
    """Be that user from now on, with no way back: no groups, no capabilities (they go with root's
    id, capabilities(7)), nothing from setuid files, no memory written to disk."""
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    called("prctl", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    called("setrlimit", LIBC.setrlimit(RLIMIT_CORE, (ctypes.c_ulong * 2)(0, 0)))
    os.umask(0o022)


def first_when_memory_is_short() -> None:
    """Let the kernel choose this process first; not every container allows it."""
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, OUT_OF_MEMORY_FIRST)
        os.close(score)
    except OSError:
        return


def watch(child: int, life: int, limit: float, grace: float) -> bool:
    """Until the child ends, by itself or because it must. Whether its time was up."""
    ended = os.pidfd_open(child)
    ready, _, _ = select.select([ended, life], [], [], limit)
    if ended not in ready:
        tell(descendants(), SIGTERM)
        # Nobody waits for a command whose Fairlead is gone: a short grace is enough.
        select.select([ended], [], [], grace if not ready else min(grace, 1.0))
        tell(descendants(), SIGKILL)
    os.close(ended)
    return not ready


def end_all(grace: float) -> int:
    """Ask what is left to end, kill what does not; how many there were."""
    left = descendants()
    tell(left, SIGTERM)
    deadline = time.monotonic() + grace
    while reap():
        if time.monotonic() > deadline:
            tell(descendants(), SIGKILL)
        time.sleep(0.005)
    return len(left)


def reap() -> bool:
    """Collect what ended; whether children remain."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def tell(processes: list[int], number: int) -> None:
    """Send a signal to each; one that is gone is fine."""
    for process in processes:
        try:
            os.kill(process, number)
        except (ProcessLookupError, PermissionError):
            continue


def descendants() -> list[int]:
    """Every living process below this one."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            state, parent = state_and_parent(name)
            if state not in ("", "Z", "X"):
                parents[int(name)] = parent
    return below(os.getpid(), parents)


def state_and_parent(process: str) -> tuple[str, int]:
    """proc(5): the two follow the command's name in stat; ("", 0) for one that is gone."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return "", 0
    state, parent = stat[stat.rindex(b")") + 2 :].split(None, 2)[:2]
    return state.decode(), int(parent)


def below(root: int, parents: dict[int, int]) -> list[int]:
    """The processes whose line of parents reaches ``root``."""
    found = [root]
    for process in found:  # grows while it is walked
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
