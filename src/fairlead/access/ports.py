"""What access needs of the world."""

from collections.abc import Callable
from typing import Protocol

from fairlead.access.model import Person


class People(Protocol):
    """Who is known on a server."""

    def all(self) -> tuple[Person, ...]:
        """Everybody, by name. Raises Unknown when it cannot be read."""
        ...

    def put(self, people: tuple[Person, ...]) -> None:
        """Durable, and in force for the next login, before it returns."""
        ...


Rendering = Callable[[tuple[Person, ...]], str]
"""Makes of everybody what sshd reads."""
