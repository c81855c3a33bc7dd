"""The C library, as a process without any other library calls it."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38  # prctl(2)
SIGKILL, SIGPIPE, SIGTERM, SIGSTOP, SIGXFSZ = 9, 13, 15, 19, 25  # signal(7)
RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_NPROC = 1, 4, 6  # getrlimit(2)


def called(what: str, result: int) -> None:
    """Raises OSError for what the C library says went wrong with ``what``."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def bounded(resource: int, most: int) -> None:
    """setrlimit(2), for this process and all that come from it. Raises OSError."""
    called("setrlimit", LIBC.setrlimit(resource, (ctypes.c_ulong * 2)(most, most)))
