"""What certificates need of the world."""

from collections.abc import Sequence
from typing import Protocol

from fairlead.base.ids import Place
from fairlead.certificates.model import Fault, Held


class Source(Protocol):
    """Gets certificates for names, and knows those that it got.

    One that works ``by_itself`` is never asked to ``get``: it is only looked at.
    """

    @property
    def by_itself(self) -> bool:
        """Whether it gets and renews them unasked."""
        ...

    def held(self, names: Sequence[str]) -> Held | None:
        """The one that is served for these names, or for as many of them as one is there for."""
        ...

    def fault(self, names: Sequence[str]) -> Fault | None:
        """Why the last try for these names failed; None when it did not."""
        ...

    def get(self, names: Sequence[str], now: float) -> Held:
        """Get a new one for these names. Takes as long as the authority does.

        Raises FairleadError, and remembers that as the fault.
        """
        ...


class Serving(Protocol):
    """Who serves by them."""

    def refresh(self, place: Place) -> bool:
        """Serve by the certificates that are there now; whether that changed anything."""
        ...
