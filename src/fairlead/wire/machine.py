"""What a machine is asked for in either form."""

from pathlib import Path

from fairlead.base.canonical import digest
from fairlead.base.paths import Home
from fairlead.base.wake import wake

_COPY_PORTS = 20_000  # to 32,000: below what the kernel hands out to clients


class AnyMachine:
    """The part of a ``Machine`` that both forms have."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def wake(self) -> bool:
        """Tell the agent to look now; False when none listens."""
        return wake(self._home)

    def alive(self, pid: int) -> bool:
        """Whether that process is there; one that took its number counts."""
        return Path(f"/proc/{pid}").exists()

    def free_listen(self, taken: frozenset[str]) -> str:
        """A free ``127.0.0.1:port`` that is not in ``taken``."""
        from fairlead.drivers._listen import free_listen

        return free_listen(taken)

    def copy_listen(self, key: str) -> str:
        """A free ``127.0.0.1:port`` for the copy of that name."""
        from fairlead.drivers._listen import free_listen

        # Copies that start at once must not be given one port: each looks from a place of its own.
        first = _COPY_PORTS + int(digest(key)[-4:], 16) % 10_000
        return free_listen(first=first, last=_COPY_PORTS + 12_000)
