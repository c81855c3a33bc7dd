"""A small process that runs one command and leaves none of its processes behind.

Run as a script (standard library only), because what it does belongs to a whole process: it
is the subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) of everything the command starts, so that
also a grandchild that called setsid() and lost its parents comes to it and can be ended. It
holds the read end of a pipe whose write end Fairlead holds: when Fairlead dies, however it
dies, the pipe closes and the command is ended.

    keeper.py STATUS_FD LIFE_FD LIMIT_SECONDS GRACE_SECONDS NICE COMMAND [ARGUMENT …]

It writes to STATUS_FD, each on a line: the exit code, the signal, 1 when the time was up, how
many processes were left behind, why the command could not be started.

Every import here is paid by every check: json, pathlib, signal and contextlib would cost 20 ms.
"""

import ctypes
import os
import select
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
SIGKILL, SIGPIPE, SIGTERM, SIGXFSZ = 9, 13, 15, 25  # signal(7)
# On a small server the kernel should take a check or a build before a copy that serves.
OUT_OF_MEMORY_FIRST = b"800"
LIBC = ctypes.CDLL(None)


def main(arguments: list[str]) -> int:
    """Run the command of ``arguments``; 0 once its status is written."""
    status, life, nice = int(arguments[0]), int(arguments[1]), int(arguments[4])
    limit, grace = float(arguments[2]), float(arguments[3])
    for descriptor in (status, life):
        os.set_inheritable(descriptor, False)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    said = run(arguments[5:], life, limit, grace, nice)
    os.write(status, "\n".join(str(part) for part in said).encode())
    return 0


def run(argv: list[str], life: int, limit: float, grace: float, nice: int) -> tuple[int | str, ...]:
    """Start it, watch it, end what is left; how it ended."""
    child, problem = start(argv, nice)
    timed_out = False
    if not problem:
        timed_out = watch(child, life, limit, grace)
    _, waited = os.waitpid(child, 0)
    left = end_all(min(grace, 1.0))
    code = os.waitstatus_to_exitcode(waited)
    return max(code, 0), max(-code, 0), int(timed_out), left, problem


def start(argv: list[str], nice: int) -> tuple[int, str]:
    """The child's process id, and why it could not become the command ("" when it did)."""
    reader, writer = os.pipe()  # closed by a successful exec, so reading ends at once
    child = os.fork()
    if child == 0:
        become(argv, nice, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        return child, pipe.read().decode(errors="replace")


def become(argv: list[str], nice: int, problems: int) -> None:
    """In the child: a session of its own, default signals, and then the command. Never returns."""
    try:
        os.setsid()
        os.nice(nice)
        for number in (SIGPIPE, SIGXFSZ):
            LIBC.signal(number, None)  # SIG_DFL; Python starts with them ignored
        first_when_memory_is_short()
        os.execvp(argv[0], argv)  # noqa: S606  that is the whole point
    except OSError as error:
        os.write(problems, (error.strerror or str(error)).encode())
    finally:
        os._exit(127)


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
