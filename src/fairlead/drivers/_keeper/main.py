"""The keeper's line: from its arguments to the status it writes. See the package's docstring."""

import os
import select
import time

from fairlead.drivers._keeper.cell import CLONE_NEWUSER, apart, furnish, offline
from fairlead.drivers._keeper.libc import (
    LIBC,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_NO_NEW_PRIVS,
    RLIMIT_CORE,
    RLIMIT_FSIZE,
    RLIMIT_NPROC,
    SIGPIPE,
    SIGTERM,
    SIGXFSZ,
    bounded,
    called,
)
from fairlead.drivers._keeper.limits import Limits
from fairlead.drivers._keeper.processes import (
    end_all,
    kill_all,
    living,
    reap_orphans,
    tell,
    threads_of,
)

# On a small server the kernel should take a check or a build before a copy that serves.
OUT_OF_MEMORY_FIRST = b"800"
AHEAD = -20


def main(arguments: list[str]) -> int:
    """Run the command of ``arguments``; 0 once its status is written."""
    split = arguments.index("--")
    status, life, words = (int(text) for text in arguments[:3])
    limit, grace = float(arguments[3]), float(arguments[4])
    nice = os.getpriority(os.PRIO_PROCESS, 0) + int(arguments[5])
    network, memory, processes, disk, user, group = (int(text) for text in arguments[6:12])
    mounts, argv = arguments[12:split], arguments[split + 1 :]
    environment = environment_in(words)
    for descriptor in (status, life):
        os.set_inheritable(descriptor, False)
    # Asked now: in a namespace of users where root is not known he would not look like root.
    root = os.geteuid() == 0
    online, problem = True, ""
    if user >= 0:
        keeper, online, problem = apart(offline=not network)
        if keeper:
            os.close(life)
            os.close(status)
            return abs(os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]))
        problem = problem or furnish(mounts)
    elif not network:
        online, problem = offline()
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    hurry()
    alone = not root and (user >= 0 or not online)
    job = Job(argv, environment, nice, (user, group), disk, processes, alone, another=root)
    if not problem:
        writes = [entry[1:] for entry in mounts if entry[0] == "w"]
        said = run(job, life, limit, grace, Limits(memory, processes, disk, writes))
    else:
        said = Said(problem=problem)
    parts = (said.code, said.signal, int(said.timed_out), said.left, int(online), said.over)
    os.write(status, "\n".join(str(part) for part in (*parts, said.problem)).encode())
    return 0


def hurry() -> None:
    """Come before what is watched, however many want the processor, also when each of them has a
    session, and so a share, of its own (sched(7), autogroup). Only root can."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, min(AHEAD, os.getpriority(os.PRIO_PROCESS, 0)))
        with open("/proc/self/autogroup", "w") as file:
            file.write(str(AHEAD))
    except OSError:
        return


class Job:
    """What the child is to become. ``who`` is (uid, gid), -1 for who we are; ``largest`` is how
    many bytes a file of its may have, ``most`` how many processes it may have, 0 for any.
    ``alone``: its user's processes are counted for it alone already. ``another``: its user is not
    who we are, so its ids must change."""

    def __init__(
        self,
        argv: list[str],
        environment: dict[bytes, bytes],
        nice: int,
        who: tuple[int, int],
        largest: int,
        most: int,
        alone: bool,
        another: bool,
    ) -> None:
        self.argv = argv
        self.environment = environment
        self.nice = nice
        self.who = who
        self.largest = largest
        self.most = most
        self.alone = alone
        self.another = another


class Said:
    """How it ended."""

    def __init__(self, problem: str = "") -> None:
        self.code = 0
        self.signal = 0
        self.timed_out = False
        self.left = 0
        self.over = ""
        self.problem = problem


def environment_in(descriptor: int) -> dict[bytes, bytes]:
    """The variables that a file holds."""
    with os.fdopen(descriptor, "rb") as file:
        pairs = (part.partition(b"=") for part in file.read().split(b"\0"))
        return {name: value for name, equals, value in pairs if equals}


def run(job: Job, life: int, time_limit: float, grace: float, limits: Limits) -> Said:
    """Start it, watch it, end what is left; how it ended."""
    child, problem = start(job)
    said = Said(problem)
    if not problem:
        watch(child, life, time.monotonic() + time_limit, grace, limits, said)
    _, waited = os.waitpid(child, 0)
    said.left = end_all(0.0 if said.over else min(grace, 1.0))
    if not (problem or said.over):
        said.over, said.problem = limits.last()
    code = os.waitstatus_to_exitcode(waited)
    said.code, said.signal = max(code, 0), max(-code, 0)
    return said


def start(job: Job) -> tuple[int, str]:
    """The child's process id, and why it could not become the command ("" when it did)."""
    reader, writer = os.pipe()  # closed by a successful exec, so reading ends at once
    ours, its = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours[1])
        become(job, writer, its[1], ours[0])
    for descriptor in (writer, its[1], ours[0]):
        os.close(descriptor)
    if os.read(its[0], 1):
        everybody_is_himself(child)
    for descriptor in (its[0], ours[1]):
        os.close(descriptor)
    with os.fdopen(reader, "rb") as pipe:
        return child, pipe.read().decode(errors="replace")


def become(job: Job, problems: int, say: int, hear: int) -> None:
    """In the child: a session of its own, default signals, and then the command. Never returns."""
    try:
        os.setsid()
        os.setpriority(os.PRIO_PROCESS, 0, job.nice)
        for number in (SIGPIPE, SIGXFSZ):
            LIBC.signal(number, None)  # SIG_DFL; Python starts with them ignored
        first_when_memory_is_short()
        alone = job.alone or counted_alone(job, say, hear)
        if job.who[0] >= 0:
            drop(*job.who, another=job.another)
        limit(job, alone=alone)
        os.execvpe(job.argv[0], job.argv, job.environment)  # noqa: S606  that is the whole point
    except OSError as error:
        os.write(problems, (error.strerror or str(error)).encode())
    finally:
        os._exit(127)


def counted_alone(job: Job, say: int, hear: int) -> bool:
    """Enter a namespace of users, where a user's processes are counted apart from those he has
    elsewhere (user_namespaces(7), since Linux 5.14); whether there is one."""
    alone = job.who[0] >= 0 and job.most > 0 and LIBC.unshare(CLONE_NEWUSER) == 0
    if alone:
        os.write(say, b"!")
    os.close(say)
    os.read(hear, 1)
    return alone


def everybody_is_himself(process: int) -> None:
    """Nothing else is different in the namespace of users that this process is in.

    Who lacks CAP_SETFCAP leaves root out, whose files then look like nobody's. Where not even
    that can be written the child says that it cannot become its user.
    """
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/self/{name}") as file:
            ours = [(int(words[0]), int(words[2])) for words in map(str.split, file)]
        bare = [(first or 1, count if first else count - 1) for first, count in ours]
        for ranges in (ours, bare):
            try:
                with open(f"/proc/{process}/{name}", "w") as file:
                    file.write("".join(f"{first} {first} {count}\n" for first, count in ranges))
                break
            except OSError:
                continue


def limit(job: Job, *, alone: bool) -> None:
    """The kernel's own limits. That of processes lets more through than the looks do, so that
    they can say what was gone over; it counts what the user has besides, unless ``alone``."""
    if job.largest:
        bounded(RLIMIT_FSIZE, job.largest)
    if job.most and os.geteuid():  # root has no such limit
        bounded(RLIMIT_NPROC, 2 * job.most + (0 if alone else threads_of(os.geteuid())))


def drop(user: int, group: int, *, another: bool) -> None:
    """Be that user from now on, with no way back: no groups, no capabilities (they go with root's
    id, capabilities(7)), nothing from setuid files, no memory written to disk. ``another``: the
    user is not who we are."""
    if another:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    called("prctl", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    bounded(RLIMIT_CORE, 0)
    os.umask(0o022)


def first_when_memory_is_short() -> None:
    """Let the kernel choose this process first; not every container allows it."""
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, OUT_OF_MEMORY_FIRST)
        os.close(score)
    except OSError:
        return


def watch(child: int, life: int, deadline: float, grace: float, limits: Limits, said: Said) -> None:
    """Until the child ends, by itself or because it must: its time was up, it went over a limit,
    or Fairlead is gone."""
    ended = os.pidfd_open(child)
    heard, until, asked = [ended, life], deadline, False
    while True:
        left = max(0.0, until - time.monotonic())
        ready, _, _ = select.select(heard, [], [], min(left, limits.wait()))
        if ended in ready:
            break
        if left and not ready:
            said.over, said.problem = limits.look()
            if said.over:
                break
            reap_orphans(child)
        elif asked:
            break
        else:
            asked, said.timed_out = True, not ready
            tell(living(), SIGTERM)
            # Nobody waits for a command whose Fairlead is gone: a short grace is enough.
            heard, until = [ended], time.monotonic() + (min(grace, 1.0) if ready else grace)
    if ended not in ready:
        kill_all()
    os.close(ended)
