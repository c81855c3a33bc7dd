"""supervisord, woken by the end of a process instead of looking once a second.

supervisor 4.3 polls with a timeout of 1 s; a signal does not end that wait (PEP 475), so an
ended program is reaped after up to 1 s and tried again after up to another. Here every signal
also writes to a pipe that is in its poll (signal.set_wakeup_fd), and a second round follows
each, since one round reaps and the next one starts. Nothing else of supervisor is changed.

It is run by its path and imports nothing of Fairlead, which the supervisor need not hold in
memory.
"""

import os
import signal
import sys

from supervisor import supervisord


class Waker:
    """The reading end, in the form of supervisor's dispatchers."""

    closed = False

    def __init__(self) -> None:
        self.reads, self.writes = os.pipe()
        os.set_blocking(self.reads, False)
        os.set_blocking(self.writes, False)
        signal.set_wakeup_fd(self.writes, warn_on_full_buffer=False)

    def readable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """Never."""
        return False

    def handle_read_event(self) -> None:
        """A signal came: this round reaps; make sure of another, which starts."""
        if any(os.read(self.reads, 4096)):  # signal numbers; our own note is a zero
            os.write(self.writes, b"\0")

    def handle_error(self) -> None:
        """Nothing to mend: the next signal, or the second that passes, wakes it again."""


class PromptSupervisor(supervisord.Supervisor):  # type: ignore[misc]  # it has no types
    """A supervisor with a waker in its poll."""

    def runforever(self) -> None:
        """Run until told to end. Comes after the daemon's forks, which would lose the pipe."""
        waker = Waker()
        self.options.get_socket_map()[waker.reads] = waker
        super().runforever()


if __name__ == "__main__":
    supervisord.Supervisor = PromptSupervisor
    sys.argv[0] = "supervisord"
    supervisord.main()
