"""A small process that runs one command and leaves none of its processes behind.

It is a program (standard library and ``fairlead.base`` only), because what it does belongs to a
whole process: it is the subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) of everything the command
starts, so that also a grandchild that called setsid() and lost its parents comes to it and can be
ended. It holds the read end of a pipe whose write end Fairlead holds: when Fairlead dies, however
it dies, the pipe closes and the command is ended.

    STATUS_FD LIFE_FD ENVIRONMENT_FD LIMIT GRACE NICE
    NETWORK MEMORY PROCESSES DISK UID GID [MOUNT …] -- COMMAND …

It writes to STATUS_FD, each on a line: the exit code, the signal, 1 when the time was up, how
many processes were left behind, 1 when the machine's network was there, the limit that was gone
over, and a sentence: with such a limit its figures, else why the command could not be started.
ENVIRONMENT_FD holds the command's environment, NUL-separated: of the command it is, not of a
keeper that may be root.

With a UID (not -1) the command runs in a cell. The keeper starts a second one, which is process 1
of namespaces of its own (pid_namespaces(7), mount_namespaces(7), ipc_namespaces(7)) in which
nothing of the machine is there but the MOUNTs, "r/path" to read and "w/path" to write. What
lies at other paths cannot be named, and processes outside cannot be seen, signalled or traced,
though they have the same user. When process 1 of such a namespace ends, the kernel kills all
others in it and waits for them: once this keeper has ended with 0, nothing of the command
runs. Without a UID the MOUNTs only say where the command writes.

NETWORK 0 is a network namespace with a loopback in it, where the kernel gives one. MEMORY, DISK
(bytes) and PROCESSES are looked at while the command runs (``limits.py``); 0 is no limit.

Every import here is paid by every check: json, pathlib, signal and contextlib would cost 20 ms.
That is why it is a package of its own, compiled once, and starts without ``site``.
"""
