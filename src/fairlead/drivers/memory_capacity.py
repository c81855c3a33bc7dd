"""The Capacity port in memory: says what it is told to say."""

from collections.abc import Collection, Mapping

from fairlead.base.ids import Place
from fairlead.plan.model import Room


class MemoryCapacity:
    """``here`` is the room; ``each`` what every process uses but those that are ``gone``, None for
    not known."""

    def __init__(
        self, here: Room | None = None, each: int | None = None, gone: frozenset[int] = frozenset()
    ) -> None:
        self.here = here or Room()
        self.each = each
        self._gone = gone

    def room(self, place: Place) -> Room:
        """The same at every place."""
        return self.here

    def memory(self, pids: Collection[int]) -> Mapping[int, int]:
        """The same for every process."""
        return {} if self.each is None else dict.fromkeys({*pids} - self._gone, self.each)
