"""Whether a copy is ready: it answers its health path, not merely exists."""

from threading import Lock

import msgspec

from fairlead.base.clock import Clock
from fairlead.base.ids import Place
from fairlead.plan.model import CopyState
from fairlead.rollout.ports import Http, Process

READY_FOR = 1.0
"""Seconds a copy found ready is not asked again."""

LIMIT = 2.0
"""Seconds a copy may take to answer its health path."""


class Probed(msgspec.Struct, frozen=True):
    """What a copy answered, and since when it has answered so. ``silent_since``: since when
    it gives no answer at all, as far as we saw (0: it answers)."""

    state: CopyState
    since: float
    asked_at: float
    detail: str = ""
    silent_since: float = 0.0


class Prober:
    """Asks copies, and remembers since when each has given its present answer.

    What it remembers is of this process only: after a restart a wrong answer is given
    its whole grace again, which delays a halt and never causes one.
    """

    def __init__(self, http: Http, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._known: dict[Place, dict[int, Probed]] = {}
        self._lock = Lock()

    def ask(self, place: Place, process: Process, health: str) -> Probed:
        """The copy's state: STARTING (no answer, or 503), WRONG, or READY (2xx, 3xx)."""
        with self._lock:
            known = self._known.get(place, {}).get(process.pid)
        now = self._clock.now()
        if known and known.state is CopyState.READY and now - known.asked_at < READY_FOR:
            return known
        fresh = self._fresh(process, health, now)
        if known and known.state is fresh.state:
            fresh = msgspec.structs.replace(fresh, since=known.since)
        if known and known.silent_since and fresh.silent_since:
            fresh = msgspec.structs.replace(fresh, silent_since=known.silent_since)
        with self._lock:
            self._known.setdefault(place, {})[process.pid] = fresh
        return fresh

    def _fresh(self, process: Process, health: str, now: float) -> Probed:
        answer = self._http.get(process.address, health, LIMIT)
        if 200 <= answer.status < 400:
            return Probed(CopyState.READY, now, now)
        # No answer, and 503 (RFC 9110: temporarily unable), are what a copy that boots gives.
        if answer.status in (0, 503):
            silent = 0.0 if answer.status else now
            return Probed(CopyState.STARTING, process.since, now, answer.detail, silent)
        detail = f"{health} answered {answer.status}"
        return Probed(CopyState.WRONG, now, now, detail)

    def forget_all_but(self, place: Place, pids: frozenset[int]) -> None:
        """Drop what is remembered of a place's processes that are gone."""
        with self._lock:
            known = self._known.get(place, {})
            self._known[place] = {pid: p for pid, p in known.items() if pid in pids}
