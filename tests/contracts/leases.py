"""What every Leases keeps: one holder per place (promise 10)."""

from typing import Protocol

import pytest

from fairlead.base.errors import Busy, Refused
from fairlead.base.ids import Place
from fairlead.rollout.ports import Leases

PLACE = Place("shop", "production")
OTHER = Place("shop", "staging")
NOW = 1_800_000_000.0


class World(Protocol):
    """Leases, an owner that lives and one whose process is gone."""

    leases: Leases
    lasts: float
    living: str
    dead: str


class LeasesContract:
    """The port's promises."""

    def test_a_free_place_is_taken(self, world: World) -> None:
        """The first holder is told what it holds, and took it from nobody."""
        held = world.leases.take(PLACE, world.living, "release 7", NOW)
        assert (held.place, held.owner, held.reason) == (PLACE, world.living, "release 7")
        assert (held.since, held.expires) == (NOW, NOW + world.lasts)
        assert held.token > 0
        assert held.taken_from == ""

    def test_a_held_place_is_busy(self, world: World) -> None:
        """The error names who, since when and why; also to the same owner asking twice."""
        world.leases.take(PLACE, world.living, "release 7", NOW)
        for owner in ("somebody else", world.living):
            with pytest.raises(Busy) as caught:
                world.leases.take(PLACE, owner, "release 8", NOW + 1)
            assert world.living in caught.value.what
            assert "release 7" in caught.value.what
            assert "2027-01-15T08:00:00" in caught.value.what
            assert caught.value.hint

    def test_places_are_apart(self, world: World) -> None:
        """A holder of one place is in nobody's way at another."""
        world.leases.take(PLACE, world.living, "release 7", NOW)
        assert world.leases.take(OTHER, world.living, "release 7", NOW).taken_from == ""

    def test_tokens_grow_with_every_holder(self, world: World) -> None:
        """Given back, taken over: each time a greater one."""
        tokens = []
        for _ in range(3):
            held = world.leases.take(PLACE, world.living, "", NOW)
            tokens.append(held.token)
            world.leases.release(held)
        tokens.append(world.leases.take(PLACE, world.dead, "", NOW).token)
        tokens.append(world.leases.take(PLACE, world.living, "", NOW).token)
        assert tokens == sorted(set(tokens))

    def test_a_lease_given_back_is_free(self, world: World) -> None:
        """And was taken from nobody."""
        world.leases.release(world.leases.take(PLACE, world.living, "", NOW))
        assert world.leases.take(PLACE, "another", "", NOW).taken_from == ""

    def test_a_dead_holder_is_taken_over_at_once(self, world: World) -> None:
        """No waiting for the expiry; it says who, since when, why it held it and why not."""
        world.leases.take(PLACE, world.dead, "release 7", NOW)
        held = world.leases.take(PLACE, world.living, "release 8", NOW + 0.1)
        for part in (world.dead, "2027-01-15T08:00:00", "release 7", "gone"):
            assert part in held.taken_from

    def test_a_silent_holder_is_taken_over_after_its_time(self, world: World) -> None:
        """Not a moment before; it says since when it was silent."""
        world.leases.take(PLACE, world.living, "release 7", NOW)
        with pytest.raises(Busy):
            world.leases.take(PLACE, "another", "", NOW + world.lasts - 0.01)
        held = world.leases.take(PLACE, "another", "", NOW + world.lasts)
        assert "no heartbeat since 2027-01-15T08:00:00" in held.taken_from

    def test_a_heartbeat_keeps_it(self, world: World) -> None:
        """The same holder, the same token, a later end."""
        held = world.leases.take(PLACE, world.living, "", NOW)
        later = world.leases.renew(held, NOW + 10)
        assert (later.token, later.since, later.expires) == (
            held.token,
            NOW,
            NOW + 10 + world.lasts,
        )
        with pytest.raises(Busy):
            world.leases.take(PLACE, "another", "", NOW + world.lasts + 1)

    def test_who_lost_it_is_told(self, world: World) -> None:
        """A heartbeat after a take-over, or after giving it back, is refused."""
        old = world.leases.take(PLACE, world.living, "", NOW)
        new = world.leases.take(PLACE, world.living, "", NOW + world.lasts)
        with pytest.raises(Refused):
            world.leases.renew(old, NOW + world.lasts)
        world.leases.release(new)
        with pytest.raises(Refused):
            world.leases.renew(new, NOW + world.lasts)

    def test_giving_back_what_was_taken_over_harms_nobody(self, world: World) -> None:
        """The new holder keeps it; giving back twice is fine."""
        old = world.leases.take(PLACE, world.living, "", NOW)
        new = world.leases.take(PLACE, world.living, "", NOW + world.lasts)
        world.leases.release(old)
        world.leases.release(old)
        assert world.leases.renew(new, NOW + world.lasts).token == new.token
