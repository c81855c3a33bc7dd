"""The one place where a rollout meets the world, so that any call can be made to go wrong."""

from collections.abc import Callable
from typing import Any

from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.journal import Outcome, Verb
from fairlead.record.flow import read
from rollout.memory_world import MemoryWorld

BEFORE, AFTER = "before", "after"

EFFECTS = frozenset(
    {
        "runtime.start",
        "runtime.stop",
        "runtime.run",
        "runtime.end_stray",
        "proxy.put",
        "proxy.remove",
        "backups.take",
        "files.lay_out",
        "files.restore",
    }
)
"""Calls that change the world: each must have been announced in the record."""

READS = frozenset(
    {
        "journal.is_open",
        "runtime.processes",
        "runtime.task",
        "runtime.strays",
        "proxy.sites",
        "proxy.in_flight",
        "proxy.counters",
        "marks.read",
        "releases.get",
        "http.get",
        "files.laid",
        "files.damaged",
        "files.address",
        "files.listen",
        "files.log",
        "files.backups",
        "files.said",
        "backups.size",
        "capacity.room",
        "capacity.memory",
    }
)
"""Calls that change nothing: to be killed before one of them is to be killed after the last
call that did change something."""


def moments(calls: tuple[str, ...], reads_once: bool = True) -> tuple[int, ...]:
    """The numbers of the calls that differ as moments to go wrong in: every one that changes
    something, and each kind of question once (or never)."""
    asked: set[str] = set() if reads_once else set(READS)
    found = []
    for at, call in enumerate(calls, 1):
        if call not in READS or call not in asked:
            found.append(at)
        asked.add(call)
    return tuple(found)


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


class Seam:
    """Counts the calls of one process to its ports, and lets the ``at``-th go wrong.

    ``when`` is before or after its effect; ``error`` is what it raises, and after ``Killed``
    every further call of the process raises it too: the dead do not clean up.
    """

    def __init__(
        self,
        world: MemoryWorld,
        at: int = 0,
        when: str = BEFORE,
        error: type[BaseException] = Killed,
    ) -> None:
        self.calls: list[str] = []
        self.hooks: list[Callable[[str], None]] = [self._announced]
        self.hit = ""
        """The call that went wrong, "" while none did."""
        self._world, self._at, self._when, self._error = world, at, when, error
        self._dead = False

    def wrap(self, name: str, port: Any) -> Any:
        """A port behind this seam."""
        return _Port(self, name, port)

    def call(self, name: str, do: Callable[[], Any]) -> Any:
        """One call."""
        if self._dead:
            raise Killed
        self.calls.append(name)
        for hook in self.hooks:
            hook(name)
        mine = len(self.calls) == self._at
        if mine and self._when == BEFORE:
            self._go_wrong(name)
        result = do()
        if mine:
            self._go_wrong(name)
        return result

    def _go_wrong(self, name: str) -> None:
        self.hit = name
        self._dead = self._error is Killed
        if issubclass(self._error, FairleadError):
            raise self._error(f"{name} was made to fail", "it is a test")
        raise self._error

    def _announced(self, name: str) -> None:
        """Nothing happens unrecorded: the newest entry is the intent of this effect."""
        if name in EFFECTS:
            store = self._world.store
            newest = read(store, store.head()[0] - 1, 1)
            assert newest, f"{name} came before any entry"
            assert (newest[0].verb, newest[0].outcome) == (Verb.STEP, Outcome.INTENT), name


class _Port:
    def __init__(self, seam: Seam, name: str, port: Any) -> None:
        self._seam, self._name, self._inner = seam, name, port

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._inner, method)
        seam, name = self._seam, f"{self._name}.{method}"
        return lambda *given, **named: seam.call(name, lambda: found(*given, **named))


FAILURES = (FairleadError, Unknown)
