"""What every Capacity keeps."""

from typing import Protocol

from fairlead.base.ids import Place
from fairlead.rollout.ports import Capacity

PLACE = Place("shop", "production")


class World(Protocol):
    """A machine on which process ``alive`` runs and ``gone`` does not."""

    capacity: Capacity
    alive: int
    gone: int


class CapacityContract:
    """The port's promises."""

    def test_figures_are_bytes_or_not_known(self, world: World) -> None:
        """None is less than nothing."""
        room = world.capacity.room(PLACE)
        found = [room.memory, room.disk, room.files]
        assert all(figure is None or figure >= 0 for figure in found)
        assert room.disk is None or room.disk <= room.disk_size

    def test_a_process_that_is_gone_is_missing(self, world: World) -> None:
        """Not known is not zero."""
        found = world.capacity.memory([world.alive, world.gone])
        assert set(found) == {world.alive}
        assert found[world.alive] > 0
        assert world.capacity.memory([]) == {}
