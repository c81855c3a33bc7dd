"""Holding a place while something is done to it."""

from contextlib import AbstractContextManager
from threading import Event, Thread
from types import TracebackType

from fairlead.base.clock import Clock
from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.rollout.ports import LeaseHeld, Leases

HEARTBEAT = 3.0
"""Seconds between two heartbeats; a lease expires after several that did not come."""


class Holding(AbstractContextManager["Holding"]):
    """A lease that is kept alive by a thread of its own, so that a step that takes long
    does not lose it."""

    def __init__(self, leases: Leases, clock: Clock, place: Place, owner: str, reason: str) -> None:
        self._leases = leases
        self._clock = clock
        self._ended = Event()
        self._lost = ""
        self.lease = leases.take(place, owner, reason, clock.now())
        self._thread = Thread(target=self._beat, name=f"lease {place}", daemon=True)

    @property
    def token(self) -> int:
        """The fencing token."""
        return self.lease.token

    def check(self) -> None:
        """Before each effect. Raises Refused when somebody else took the lease meanwhile."""
        if self._lost:
            raise Refused(self._lost, "fairlead status says who holds it now")

    def __enter__(self) -> "Holding":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._leases.release(self.lease)

    def _beat(self) -> None:
        held: LeaseHeld = self.lease
        while not self._ended.wait(HEARTBEAT):
            try:
                held = self._leases.renew(held, self._clock.now())
            except FairleadError as error:
                self._lost = error.what
                return
