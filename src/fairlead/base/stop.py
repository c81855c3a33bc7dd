"""Saying that something under way is of no more use."""

from typing import Protocol


class Stop(Protocol):
    """Whether it is (a ``threading.Event`` is one)."""

    def is_set(self) -> bool:
        """True once it is; it stays so."""
        ...


class _Never:
    def is_set(self) -> bool:
        return False


NEVER: Stop = _Never()
