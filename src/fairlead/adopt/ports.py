"""What an adoption needs of the world."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from fairlead.adopt.model import Adoption, Clone, Front, Living
from fairlead.base.ids import Place


class Laid(NamedTuple):
    """A file as it is to be in a tree: its bytes (None: gone) and its mode, as git writes it."""

    data: bytes | None
    mode: str = "100644"


class Clones(Protocol):
    """Clones that serve users. Nothing is written to them."""

    def read(self, path: Path) -> Clone:
        """The clone, and all that differs from its commit. Raises NotFound, Refused."""
        ...

    def patch(self, path: Path, base: str, files: Mapping[str, Laid], over: bytes = b"") -> bytes:
        """These files laid over ``base``, after the patch ``over`` was, as one patch; b"" for
        no difference. Raises Refused where ``over`` does not apply."""
        ...


class Servers(Protocol):
    """The machine that the clone serves on, read."""

    def read(self, clone: Clone) -> Living:
        """Everything of the machine that concerns the clone."""
        ...


class Fronts(Protocol):
    """The proxy in front of the hand-made state, where it can be switched."""

    def before(self, front: Front) -> tuple[tuple[str, str], ...]:
        """Its files as they are now, whole (latin-1 keeps every byte). Raises Refused where one
        is not what the proposal saw."""
        ...

    def switch(self, place: Place, front: Front, before: Sequence[tuple[str, str]]) -> None:
        """Send the users to the releases of a place. Acknowledged, and all or nothing.

        Raises Refused where a file is neither what it was nor switched already.
        """
        ...

    def back(self, place: Place, front: Front, before: Sequence[tuple[str, str]]) -> None:
        """Send them to the hand-made state again: every file as it was, byte for byte.

        Raises Refused where somebody changed one since.
        """
        ...

    def open_with(self, front: Front) -> int:
        """How many connections the hand-made processes still have, or may get."""
        ...


class Units(Protocol):
    """The hand-made units."""

    def active(self, units: Sequence[str]) -> tuple[str, ...]:
        """Those of them that run."""
        ...

    def enabled(self, units: Sequence[str]) -> tuple[str, ...]:
        """Those of them that start with the machine."""
        ...

    def stop(self, units: Sequence[str]) -> None:
        """Stop and disable them; their files stay. Raises FairleadError."""
        ...

    def start(self, units: Sequence[str], enable: Sequence[str]) -> None:
        """Start some, and have some started with the machine. Raises FairleadError."""
        ...


class Keeps(Protocol):
    """State that stays where it is."""

    def keep(self, place: Place, name: str, path: Path) -> None:
        """Have the directory ``name`` of the place's own be what lies at ``path``."""
        ...


class Shelf(Protocol):
    """Adoptions under way, kept in the home."""

    def get(self, app: str) -> Adoption | None:
        """The adoption of an app. Raises Unknown when it cannot be read."""
        ...

    def put(self, adoption: Adoption) -> None:
        """Durable before it returns."""
        ...
