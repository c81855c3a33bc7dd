"""The ports Proxy and Http in memory: a world in which requests are plain calls."""

from collections.abc import Callable, Collection, Mapping

import msgspec

from fairlead.base.canonical import digest_of
from fairlead.base.errors import Refused
from fairlead.base.ids import Place
from fairlead.drivers._listen import collide
from fairlead.rollout.ports import Counters, HttpAnswer, Site, SiteSeen

Serve = Callable[[str], HttpAnswer]
SILENT = HttpAnswer(0, detail="nobody listens there")


class MemoryProxy:
    """Holds sites, and hands requests to the copies in turn.

    ``begin``, ``end`` and ``edit`` are what the world does to it: users and strangers.
    """

    def __init__(self) -> None:
        self._sites: dict[tuple[Place, str], SiteSeen] = {}
        self._open: dict[str, int] = {}
        self._addresses: dict[Place, set[str]] = {}
        self._counters: dict[Place, Counters] = {}
        self._turn = 0

    def sites(self, place: Place) -> tuple[SiteSeen, ...]:
        """What it serves at a place."""
        found = sorted(key for key in self._sites if key[0] == place)
        return tuple(self._sites[key] for key in found)

    def put(self, site: Site, now: float) -> None:
        """Switch to exactly this."""
        self._refuse_shared(site)
        served = tuple(upstream for upstream in site.upstreams if upstream.share > 0)
        site = msgspec.structs.replace(site, upstreams=served)
        before = self._sites.get((site.place, site.role))
        same = before is not None and not before.edited and before.site.upstreams == site.upstreams
        since = before.since if same and before is not None else now
        self._sites[site.place, site.role] = SiteSeen(site, since)
        self._addresses.setdefault(site.place, set()).update(u.address for u in served)

    def remove(self, place: Place, role: str) -> None:
        """Stop serving a role."""
        self._sites.pop((place, role), None)

    def holders(self, names: Collection[str]) -> Mapping[str, Place]:
        """Which place has each of these names."""
        return {
            n: place for (place, _), s in self._sites.items() for n in names if n in s.site.names
        }

    def refresh(self, place: Place) -> bool:
        """It has no certificates."""
        return False

    def in_flight(self, place: Place) -> Mapping[str, int]:
        """Requests begun and not ended, by address."""
        known = self._addresses.get(place, set())
        return {a: count for a, count in self._open.items() if count and a in known}

    def counters(self, place: Place) -> Counters:
        """Requests ended, and how many of them failed."""
        return self._counters.get(place, Counters(0, 0, 0.0))

    def begin(self, place: Place, role: str) -> str:
        """A user's request arrives: the address it is handed to, "" when nobody serves."""
        slots = self._slots(place, role)
        if not slots:
            self._count(place, failed=1)
            return ""
        self._turn += 1
        address = slots[self._turn % len(slots)]
        self._open[address] = self._open.get(address, 0) + 1
        return address

    def end(self, place: Place, address: str, status: int = 200) -> None:
        """The request at ``address`` is over."""
        self._open[address] -= 1
        self._count(place, failed=int(status >= 500))

    def edit(self, site: Site) -> None:
        """Somebody else changes what is served."""
        seen = self._sites[site.place, site.role]
        self._sites[site.place, site.role] = msgspec.structs.replace(
            seen, site=site, edited=_print(site)
        )

    def _slots(self, place: Place, role: str) -> list[str]:
        seen = self._sites.get((place, role))
        upstreams = seen.site.upstreams if seen and not seen.site.maintenance else ()
        return [u.address for u in upstreams for _ in range(u.share)]

    def _count(self, place: Place, failed: int) -> None:
        now = self.counters(place)
        self._counters[place] = Counters(now.requests + 1, now.failed + failed, now.since)

    def _refuse_shared(self, site: Site) -> None:
        for (place, _), seen in self._sites.items():
            taken = collide(site, seen.site) if place != site.place else ""
            if taken:
                raise Refused(f"{site.place} cannot have {taken}: {place} has it")


class MemoryHttp:
    """Answers from a table of functions, one per address."""

    def __init__(self) -> None:
        self.servers: dict[str, Serve] = {}

    def get(
        self,
        address: str,
        path: str,
        limit: float,
        host: str = "localhost",
    ) -> HttpAnswer:
        """What the address's function answers to ``path``."""
        return self.servers[address](path) if address in self.servers else SILENT


def _print(site: Site) -> str:
    return digest_of(msgspec.json.encode(site))[7:23]
