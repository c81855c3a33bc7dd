"""What every Proxy keeps. A driver's test gives a `world`; the suite is the same for all."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import msgspec
import pytest

from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Proxy, Site, Upstream

PLACE = Place("shop", "production")


class World(Protocol):
    """A proxy, copies to send requests to, and users who send them."""

    proxy: Proxy

    def address(self, copy: int) -> str:
        """Where copy 1 or 2 listens; it answers."""
        ...

    def listen(self, place: Place) -> str:
        """An address of its own for each place."""
        ...

    def ask(self, times: int = 1) -> Counter[str]:
        """Users ask role web of PLACE; who answered, "" for nobody."""
        ...

    def open(self) -> None:
        """A user's request begins and does not end yet."""
        ...

    def close(self) -> None:
        """All requests that were begun end, and the proxy has noticed."""
        ...

    def meddle(self) -> None:
        """Somebody else gives role web of PLACE wholly to copy 2."""
        ...


def until(true: Callable[[], object], limit: float = 10.0) -> None:
    """Wait for a condition; fail when it does not come. A user may know before the counter does."""
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


def counted(world: World) -> tuple[int, int]:
    """Requests and failures at PLACE."""
    found = world.proxy.counters(PLACE)
    return found.requests, found.failed


def site(world: World, shares: dict[int, int], place: Place = PLACE, role: str = "web") -> Site:
    """A site of that role: the shares of copies by number."""
    ups = tuple(Upstream(CopyId(n, role, 1), world.address(n), s) for n, s in shares.items())
    return Site(place, role, world.listen(place), "/" if role == "web" else f"/{role}", ups)


class ProxyContract:
    """The port's promises."""

    def test_nothing_is_served_before_anything_is_put(self, world: World) -> None:
        """A place never heard of has no sites, nothing in flight and nothing counted."""
        assert world.proxy.sites(PLACE) == ()
        assert dict(world.proxy.in_flight(PLACE)) == {}
        assert world.proxy.counters(PLACE).requests == 0

    def test_what_was_put_is_read_back_and_served(self, world: World) -> None:
        """The same site comes back with its time, and users reach its copy."""
        wanted = site(world, {1: 100})
        world.proxy.put(wanted, 1000.0)
        (seen,) = world.proxy.sites(PLACE)
        assert (seen.site, seen.since, seen.edited) == (wanted, 1000.0, "")
        assert world.ask(5) == {"1": 5}

    def test_after_put_returns_requests_go_nowhere_else(self, world: World) -> None:
        """Each switch is complete at once, there and back."""
        for turn in range(10):
            number = 1 + turn % 2
            world.proxy.put(site(world, {number: 100}), float(turn))
            assert world.ask(3) == {str(number): 3}

    def test_shares_divide_the_requests(self, world: World) -> None:
        """100 requests in shares of 3 to 1 are divided so."""
        world.proxy.put(site(world, {1: 3, 2: 1}), 1.0)
        assert world.ask(100) == {"1": 75, "2": 25}

    def test_a_share_of_nothing_is_absent(self, world: World) -> None:
        """It gets no requests and is not read back."""
        world.proxy.put(site(world, {1: 100, 2: 0}), 1.0)
        (seen,) = world.proxy.sites(PLACE)
        assert [u.copy.release for u in seen.site.upstreams] == [1]
        assert world.ask(10) == {"1": 10}

    def test_nobody_serves_an_empty_site(self, world: World) -> None:
        """The site is there, its users get a failure that is counted as one."""
        world.proxy.put(site(world, {}), 1.0)
        assert world.proxy.sites(PLACE)[0].site.upstreams == ()
        assert counted(world) == (0, 0)
        assert world.ask(3) == {"": 3}
        until(lambda: counted(world) == (3, 3))

    def test_maintenance_sends_everybody_away_and_back(self, world: World) -> None:
        """Though a copy serves; the site is read back as it was put, with its time."""
        asked = msgspec.structs.replace(site(world, {1: 100}), maintenance=True)
        world.proxy.put(site(world, {1: 100}), 1.0)
        world.proxy.put(asked, 2.0)
        assert world.ask(2) == {"": 2}
        (seen,) = world.proxy.sites(PLACE)
        assert (seen.site, seen.since, seen.edited) == (asked, 1.0, "")
        world.proxy.put(site(world, {1: 100}), 3.0)
        assert world.ask(2) == {"1": 2}

    def test_putting_the_same_again_changes_nothing(self, world: World) -> None:
        """Its time stays, also when only something other than its upstreams changes."""
        wanted = site(world, {1: 100})
        world.proxy.put(wanted, 1.0)
        world.proxy.put(wanted, 2.0)
        assert world.proxy.sites(PLACE)[0].since == 1.0
        longer = msgspec.structs.replace(wanted, stream_limit=99)
        world.proxy.put(longer, 3.0)
        (seen,) = world.proxy.sites(PLACE)
        assert (seen.site, seen.since) == (longer, 1.0)

    def test_a_request_stays_with_its_copy_and_is_counted(self, world: World) -> None:
        """After the switch there and back and there it is still in flight with the old copy."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        world.open()
        for number in (2, 1, 2):
            world.proxy.put(site(world, {number: 100}), 2.0)
            assert dict(world.proxy.in_flight(PLACE)) == {world.address(1): 1}
        world.close()
        assert dict(world.proxy.in_flight(PLACE)) == {}

    def test_an_answered_request_is_not_in_flight(self, world: World) -> None:
        """No connection left idle counts."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        world.ask(10)
        until(lambda: dict(world.proxy.in_flight(PLACE)) == {})

    def test_requests_are_counted(self, world: World) -> None:
        """Ten more requests are ten more, without failure, since the same moment."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        before = world.proxy.counters(PLACE)
        world.ask(10)
        world.proxy.put(site(world, {2: 100}), 2.0)
        after = world.proxy.counters(PLACE)
        assert (after.requests - before.requests, after.failed, after.since) == (
            10,
            0,
            before.since,
        )

    def test_an_edit_by_somebody_else_is_seen_and_mended(self, world: World) -> None:
        """What is served is told as it is, marked; putting it again mends it."""
        wanted = site(world, {1: 50, 2: 50})
        world.proxy.put(wanted, 1.0)
        world.meddle()
        (seen,) = world.proxy.sites(PLACE)
        assert seen.edited
        assert world.proxy.sites(PLACE)[0].edited == seen.edited  # the same edit, the same print
        assert [u.copy.release for u in seen.site.upstreams] == [2]
        world.proxy.put(wanted, 2.0)
        (seen,) = world.proxy.sites(PLACE)
        assert (seen.site, seen.since, seen.edited) == (wanted, 2.0, "")

    def test_roles_and_places_stand_beside_each_other(self, world: World) -> None:
        """Another role or place changes nothing here, and goes alone."""
        other = Place("shop", "staging")
        web, api = site(world, {1: 100}), site(world, {2: 100}, role="api")
        elsewhere = site(world, {2: 100}, other)
        for one in (web, api, elsewhere):
            world.proxy.put(one, 1.0)
        assert [seen.site for seen in world.proxy.sites(PLACE)] == [api, web]
        assert world.ask() == {"1": 1}
        world.proxy.remove(PLACE, "api")
        world.proxy.remove(PLACE, "api")
        assert [(seen.site, seen.edited) for seen in world.proxy.sites(PLACE)] == [(web, "")]
        assert [seen.site for seen in world.proxy.sites(other)] == [elsewhere]
        world.proxy.remove(PLACE, "web")
        assert world.proxy.sites(PLACE) == ()
        world.proxy.remove(other, "web")

    def test_two_places_cannot_share_an_address(self, world: World) -> None:
        """The second is refused and the first serves on."""
        world.proxy.put(site(world, {1: 100}), 1.0)
        other = msgspec.structs.replace(
            site(world, {2: 100}, Place("shop", "staging")), listen=world.listen(PLACE)
        )
        with pytest.raises(Refused):
            world.proxy.put(other, 1.0)
        assert world.ask(2) == {"1": 2}
