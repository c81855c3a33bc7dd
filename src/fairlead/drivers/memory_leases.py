"""The Leases port in memory."""

import threading
from collections.abc import Callable

import msgspec

from fairlead.base.clock import stamp
from fairlead.base.errors import Busy, Refused
from fairlead.base.ids import Place
from fairlead.rollout.ports import LeaseHeld


class MemoryLeases:
    """Leases as entries. ``gone`` says why an owner's process is gone, "" when it may live.

    ``lasts`` is how many seconds a lease holds without a heartbeat.
    """

    def __init__(self, lasts: float = 15.0, gone: Callable[[str], str] = lambda _owner: "") -> None:
        self._lasts = lasts
        self._gone = gone
        self._lock = threading.Lock()
        self._held: dict[Place, LeaseHeld] = {}
        self._tokens: dict[Place, int] = {}

    def take(self, place: Place, owner: str, reason: str, now: float) -> LeaseHeld:
        """Take it, also from a stale holder. Raises Busy."""
        with self._lock:
            taken_from = self._stale(place, now)
            token = self._tokens.get(place, 0) + 1
            held = LeaseHeld(place, owner, reason, token, now, now + self._lasts, taken_from)
            self._held[place], self._tokens[place] = held, token
            return held

    def renew(self, held: LeaseHeld, now: float) -> LeaseHeld:
        """Heartbeat. Raises Refused when it is another's or nobody's now."""
        with self._lock:
            if not self._is_held(held):
                raise Refused(f"the lease was lost: {held.place}", "look at who holds it, and wait")
            new = msgspec.structs.replace(held, expires=now + self._lasts)
            self._held[held.place] = new
            return new

    def release(self, held: LeaseHeld) -> None:
        """Give it back."""
        with self._lock:
            if self._is_held(held):
                del self._held[held.place]

    def holder(self, place: Place) -> LeaseHeld | None:
        """Who holds it, stale or not."""
        with self._lock:
            return self._held.get(place)

    def newest(self, place: Place) -> int:
        """The newest token given out for a place; 0 for none."""
        with self._lock:
            return self._tokens.get(place, 0)

    def _is_held(self, held: LeaseHeld) -> bool:
        now = self._held.get(held.place)
        return now is not None and now.token == held.token

    def _stale(self, place: Place, now: float) -> str:
        """Why the holder lost it; "" when nobody holds it. Raises Busy."""
        old = self._held.get(place)
        if old is None:
            return ""
        since = f"{old.owner} since {stamp(old.since)} ({old.reason})"
        why = self._gone(old.owner)
        if not why and now >= old.expires:
            why = f"no heartbeat since {stamp(old.expires - self._lasts)}"
        if not why:
            raise Busy(f"{place} is held by {since}", "wait for it; fairlead status shows it")
        return f"{since}: {why}"
