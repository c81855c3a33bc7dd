"""The port Proxy on a real Caddy. docs/decisions/0101-proxy-handover.md says why so."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from fairlead.base.errors import FairleadError, Refused, Unknown
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.certificates.model import Authority
from fairlead.drivers import _counts
from fairlead.drivers._connections import UNIX, connections
from fairlead.drivers._counts import SINCE
from fairlead.drivers._listen import claims, collide, refusal
from fairlead.drivers._live import LIVE, Live, framed
from fairlead.drivers.caddy import config, metrics, public
from fairlead.drivers.caddy.admin import Admin
from fairlead.drivers.caddy.process import changing, keep
from fairlead.drivers.caddy.slots import SlotFiles
from fairlead.rollout.ports import Counters, Site, SiteSeen, Tls

SERVERS = "/config/apps/http/servers"
LETS_ENCRYPTS = Authority()
Servers = Mapping[str, Any]


class Caddy:
    """One home's Caddy, which somebody else keeps running (``process``).

    ``authority`` is whom it asks for the certificates of places with names.
    """

    def __init__(self, home: Home, authority: Authority = LETS_ENCRYPTS) -> None:
        self._home = home
        self._authority = authority
        self._admin = Admin(home.caddy_socket)

    def sites(self, place: Place) -> tuple[SiteSeen, ...]:
        """What it serves at a place: its own configuration, and the slots it reads."""
        servers = self._servers()
        server = servers.get(config.server_name(place))
        routes = config.routes_of(server) if isinstance(server, dict) else {}
        start = config.route_id(place, "")
        roles = sorted(found.removeprefix(start) for found in routes if found.startswith(start))
        public = self._public_held(servers), self._public_wanted(place)
        return tuple(self._seen(place, role, server, routes, public) for role in roles)

    def put(self, site: Site, now: float) -> None:
        """Switch to exactly this.

        In nearly every case that is one rename, and requests that begin after it go nowhere
        else. Only a new path or address to listen on needs a change of Caddy's
        configuration, which comes first and may be refused: then nothing has changed.
        """
        if site.names and not site.own:
            raise Refused(f"{site.place} has names and no address of its own", "report this")
        live = self._live(site.place, site.role)
        self._count(site, now)
        with changing(self._home):
            self._configure(site, self._servers())
            self._frame_others(site)
            # Not later: another place's change is made of all sites that were given by then.
            given = live.dated(site, now)
            if not live.whole(given):
                live.switch(given)

    def holders(self, names: Collection[str]) -> Mapping[str, Place]:
        """Which place has each of these names."""
        return {name: s.place for s in self._given() for name in names if name in s.names}

    def refresh(self, place: Place) -> bool:
        """Read the owners' files again. What Caddy got by itself it serves by itself."""
        with changing(self._home):
            held = self._admin.get("/config/")
            wanted = self._with_public(held, self._given())
            if public.tls_files(held) == public.tls_files(wanted):
                return False
            self._take(wanted)
            return True

    def remove(self, place: Place, role: str) -> None:
        """Stop serving a role; a place without roles has no listener."""
        with changing(self._home):
            self._take_out(place, role)
            self._live(place, role).remove()

    def in_flight(self, place: Place) -> Mapping[str, int]:
        """The larger of what Caddy and the kernel count: never less than the truth."""
        told = _by_address(self._admin.get("/reverse_proxy/upstreams"))
        known = self._addresses(place)
        seen = connections(known)
        counts = {a: max(told.get(a, 0), seen.get(a, 0)) for a in known}
        return {address: count for address, count in counts.items() if count}

    def counters(self, place: Place) -> Counters:
        """Requests and answers of 5xx, of a place without names since Caddy last began to count."""
        if (self._directory(place) / SINCE).exists():
            self._servers()  # no answer is no count
            return _counts.read(self._directory(place), public.LINE)
        text = self._admin.text("GET", "/metrics").decode(errors="replace")
        return metrics.counters(text, config.server_name(place))

    def _directory(self, place: Place) -> Path:
        return self._home.proxy / place.app / place.environment

    def _live(self, place: Place, role: str) -> Live:
        return Live(self._directory(place) / role, SlotFiles())

    def _given(self, without: Place | None = None) -> list[Site]:
        """Every site that was given, of every place but one."""
        paths = sorted(self._home.proxy.glob(f"*/*/*/{LIVE}"))
        found = [given.site for p in paths if (given := Live(p.parent, SlotFiles()).given())]
        return [site for site in found if site.place != without]

    def _count(self, site: Site, now: float) -> None:
        """A place with names is counted by us, any other by Caddy."""
        directory = self._directory(site.place)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if site.names:
                _counts.begin(directory, now)
            else:
                (directory / SINCE).unlink(missing_ok=True)
        except OSError as error:
            raise FairleadError(f"the proxy's counts cannot be made: {error}") from error

    def _frame_others(self, site: Site) -> None:
        """The place's other roles are now served where this one is, and by its names."""
        for other in self._given():
            if other.place == site.place and other.role != site.role:
                live = self._live(other.place, other.role)
                given = live.given()
                if given and framed(other, site) != other:
                    live.switch(msgspec.structs.replace(given, site=framed(other, site)))

    def _reached(self, sites: Sequence[Site]) -> list[public.Reached]:
        """The places that have names, each with its roles."""
        named = sorted((s for s in sites if s.names), key=lambda s: (s.place, s.role))
        return [
            public.Reached(
                tuple((s, str(self._live(s.place, s.role).directory)) for s in group),
                str(self._directory(place)),
                mark_of(group[0].tls),
            )
            for place, found in groupby(named, key=lambda s: s.place)
            for group in [list(found)]
        ]

    def _with_public(self, held: config.Json, sites: Sequence[Site]) -> config.Json:
        """The configuration with what all places with names need; as it is where there is none."""
        reached = self._reached(sites)
        if not reached and not self._public_held(_servers_of(held)):
            return held
        return public.with_public(held, reached, public.storage(self._home), self._authority)

    def _public_held(self, servers: Servers) -> Servers:
        return {n: server for n, server in servers.items() if n.startswith(public.PUBLIC)}

    def _public_wanted(self, place: Place) -> Servers:
        """The public servers, if the place has a part in them."""
        sites = self._given()
        if not any(site.place == place and site.names for site in sites):
            return {}
        return public.servers(self._reached(sites), public.storage(self._home), self._authority)

    def _take(self, wanted: config.Json) -> None:
        self._admin.set("/config/", wanted)
        self._keep()

    def _servers(self) -> Servers:
        """The servers Caddy holds; none where somebody took that part away."""
        try:
            found = self._admin.get(SERVERS)
        except Refused:  # a part of the path is missing
            found = None
        return found if isinstance(found, dict) else {}

    def _seen(
        self,
        place: Place,
        role: str,
        server: Any,
        routes: Servers,
        outside: tuple[Servers, Servers],
    ) -> SiteSeen:
        live = self._live(place, role)
        given = live.given()
        if given is None:
            route = _path(routes[config.route_id(place, role)])
            site = Site(place, role, _listen(server), route, ())
            return SiteSeen(site, 0.0, _print(server, live))
        site = given.site
        held, wanted = outside
        whole = self._rendered(site, routes) == server and (not wanted or held == wanted)
        edited = not whole or not live.whole(given)
        if edited:
            site = live.served(site)
        if edited and not site.names:
            site = msgspec.structs.replace(site, listen=_listen(server))
        return SiteSeen(site, given.since, _print([server, held], live) if edited else "")

    def _rendered(self, site: Site, routes: Servers) -> config.Json:
        """The site's server as it should be, with the place's other roles as they are."""
        directory = self._live(site.place, site.role).directory
        own = config.route(site, str(directory))
        others = [route for key, route in routes.items() if key != own["@id"]]
        return config.server(site.own or site.listen, [*others, own]) | public.own_logs(site)

    def _configure(self, site: Site, servers: Servers) -> None:
        name = config.server_name(site.place)
        server = servers.get(name)
        wanted = self._rendered(site, config.routes_of(server) if server else {})
        if site.names or self._public_held(servers):
            self._configure_all(site, wanted, servers)
            return
        if wanted == server:
            return
        self._refuse_shared(site)
        _refuse_taken(site, servers)
        if not servers:
            self._ensure()
        self._admin.set(f"{SERVERS}/{name}", wanted)
        self._keep()

    def _configure_all(self, site: Site, server: config.Json, servers: Servers) -> None:
        """The place's own server and those it shares, in one change."""
        if not servers:
            self._ensure()
        held = self._admin.get("/config/")
        others = [s for s in self._given() if (s.place, s.role) != (site.place, site.role)]
        framed_ = [framed(s, site) if s.place == site.place else s for s in others]
        wanted = _with_server(held, config.server_name(site.place), server)
        wanted = self._with_public(wanted, [*framed_, site])
        if wanted == held:
            return
        self._refuse_shared(site)
        _refuse_taken(site, servers)
        self._take(wanted)

    def _take_out(self, place: Place, role: str) -> None:
        name = config.server_name(place)
        server = self._servers().get(name)
        routes = config.routes_of(server) if isinstance(server, dict) else {}
        if routes.pop(config.route_id(place, role), None) is None:
            return
        held = self._admin.get("/config/")
        left = {**server, **config.server(_listen(server), [*routes.values()])} if server else {}
        wanted = _with_server(held, name, left if routes else {})
        gone = [s for s in self._given() if (s.place, s.role) != (place, role)]
        self._take(self._with_public(wanted, gone))

    def _refuse_shared(self, site: Site) -> None:
        for other in self._given(without=site.place):
            taken = collide(site, other)
            if taken:
                raise Refused(
                    f"{site.place} cannot have {taken}: {other.place} has it",
                    f"give environment.{site.place.environment} another in fairlead.toml, or take "
                    f"it from {other.place} first",
                )

    def _ensure(self) -> None:
        """Give Caddy the part that servers belong to, where somebody took it away."""
        try:
            if isinstance(self._admin.get(SERVERS), dict):
                return
        except Refused:
            pass
        self._admin.set("/config/", config.initial(str(self._home.caddy_socket)))

    def _keep(self) -> None:
        keep(self._home, self._admin.get("/config/"))

    def _addresses(self, place: Place) -> frozenset[str]:
        roles = (self._home.proxy / place.app / place.environment).glob("*/")
        return frozenset().union(*(Live(role, SlotFiles()).addresses() for role in roles))


def _print(server: Any, live: Live) -> str:
    """Names what the proxy holds, so that another change of it has another name."""
    held = json.dumps([server, sorted(map(str, live.slots()))], sort_keys=True, default=str)
    return hashlib.sha256(held.encode()).hexdigest()[:16]


def _servers_of(held: config.Json) -> Servers:
    """The servers in a configuration."""
    found = ((held.get("apps") or {}).get("http") or {}).get("servers")
    return found if isinstance(found, dict) else {}


def _with_server(held: config.Json, name: str, server: config.Json) -> config.Json:
    """The configuration with that server in it; without, where it is empty."""
    servers = {key: value for key, value in _servers_of(held).items() if key != name}
    apps = held.get("apps") or {}
    http = {**(apps.get("http") or {}), "servers": servers | ({name: server} if server else {})}
    return {**held, "apps": {**apps, "http": http}}


def mark_of(tls: Tls | None) -> str:
    """A print of the owner's files; "" where the site has none."""
    if tls is None or not tls.certificate:
        return ""
    print_ = hashlib.sha256()
    for path in (tls.certificate, tls.key):
        with suppress(OSError):  # Caddy says what is wrong with it
            print_.update(Path(path).read_bytes())
    return print_.hexdigest()[:16]


def _refuse_taken(site: Site, servers: Servers) -> None:
    """Caddy would share a port with any program that also set SO_REUSEPORT, unasked."""
    held = {_listen(server) for server in servers.values()}
    for listen, _ in claims(site):
        reason = listen not in held and refusal(listen)
        if reason:
            raise Refused(
                f"{site.place} cannot listen on {listen}: {reason}",
                f"see who does with `ss -ltnp`, or set another `listen` for "
                f"environment.{site.place.environment} in fairlead.toml",
            )


def _by_address(answer: Any) -> dict[str, int]:
    """Caddy's counts under our addresses: it names a unix socket by its bare path."""
    try:
        counts = {str(entry["address"]): int(entry["num_requests"]) for entry in answer}
    except (LookupError, TypeError, ValueError) as error:
        raise Unknown(f"the proxy's count of requests makes no sense: {error!r}") from error
    return {UNIX + key if key.startswith("/") else key: count for key, count in counts.items()}


def _listen(server: Any) -> str:
    try:
        return str(server["listen"][0])
    except (LookupError, TypeError):
        return ""


def _path(route: Any) -> str:
    try:
        return str(route["match"][0]["path"][0])
    except (LookupError, TypeError):
        return "/"
