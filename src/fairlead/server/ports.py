"""What the server room needs of the world."""

from pathlib import Path
from typing import Protocol

from fairlead.server.model import Health, Known, Program, Seen, Step, Wanted


class Host(Protocol):
    """A Debian machine, or a directory that will be one's root."""

    def look(self, wanted: Wanted) -> Seen:
        """What it has of what is wanted. Raises Unknown where that cannot be seen."""
        ...

    def text(self, path: str) -> str | None:
        """A file's text, or None when there is none. Raises Unknown."""
        ...

    def do(self, step: Step) -> None:
        """Carry a step out. A file whose check says no is put back as it was, and Refused is
        raised with what the check said. Raises FairleadError."""
        ...

    def keep(self, path: str, text: str) -> str:
        """Keep a copy of what somebody wrote into a file of ours; where it is."""
        ...

    def remember(self, known: Known) -> None:
        """Durable before it returns."""
        ...

    def forget(self) -> None:
        """Remember nothing of this server any more."""
        ...

    def copies(self) -> tuple[str, ...]:
        """The units of apps' copies, tasks and slices, and what starts them at boot."""
        ...

    def left(self) -> tuple[str, ...]:
        """Files of apps outside of the home: routes, sockets' directories, starts at boot."""
        ...

    def health(self, wanted: Wanted, proxy: str) -> Health:
        """How a living server does; ``proxy`` is the proxy's unit."""
        ...

    def agent(self, within: float) -> tuple[str, str] | None:
        """The version of the agent that answers and where it runs from; None when none does
        within that many seconds."""
        ...


class Programs(Protocol):
    """Fairlead itself, as programs that can be installed."""

    def own(self) -> Program:
        """The one that runs this. Raises Refused when it cannot be installed from here."""
        ...

    def of_wheel(self, wheel: Path) -> Program:
        """Install the one in a wheel, unless it is; its packages are those of its lock.

        Raises UsageError, Refused, FairleadError.
        """
        ...

    def prune(self, kept: tuple[str, ...]) -> None:
        """Remove every other one."""
        ...
