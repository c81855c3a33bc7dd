"""Holding a place while something is done to it."""

from contextlib import AbstractContextManager, suppress
from threading import Event, Lock, Thread
from types import TracebackType

from fairlead.base.clock import Clock
from fairlead.base.errors import FairleadError, Refused
from fairlead.base.ids import Place
from fairlead.rollout.ports import Leases

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
        self._lock = Lock()
        self.lease = leases.take(place, owner, reason, clock.now())
        self._thread = Thread(target=self._beat, name=f"lease {place}", daemon=True)

    @property
    def token(self) -> int:
        """The fencing token."""
        return self.lease.token

    def check(self) -> None:
        """Before each effect. Raises Refused when somebody else took the lease meanwhile.

        A process that slept past its own lease (a stopped or starved machine) asks before it
        acts: its heartbeat may not have woken yet.
        """
        if not self._lost and self._clock.now() >= self.lease.expires:
            self._renew()
        if self._lost:
            raise Refused(self._lost, "fairlead status says who holds it now")

    def _renew(self) -> None:
        with self._lock:
            try:
                self.lease = self._leases.renew(self.lease, self._clock.now())
            except Refused as error:
                self._lost = error.what

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
        while not self._lost and not self._ended.wait(HEARTBEAT):
            # No answer is not a lost lease: the next beat asks again, and so does ``check``.
            with suppress(FairleadError):
                self._renew()
