"""The port Proxy on a real Caddy. docs/decisions/0101-proxy-handover.md says why so."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from fairlead.base.errors import FairleadError, Refused, Unknown
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.drivers._listen import refusal
from fairlead.drivers.caddy import config, metrics
from fairlead.drivers.caddy.admin import Admin
from fairlead.drivers.caddy.live import Given, Live, shares
from fairlead.drivers.caddy.process import changing, keep
from fairlead.drivers.caddy.sockets import UNIX, connections
from fairlead.rollout.ports import Counters, Site, SiteSeen

SERVERS = "/config/apps/http/servers"
Servers = Mapping[str, Any]


class Caddy:
    """One home's Caddy, which somebody else keeps running (``process``)."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._admin = Admin(home.caddy_socket)

    def sites(self, place: Place) -> tuple[SiteSeen, ...]:
        """What it serves at a place: its own configuration, and the slots it reads."""
        server = self._servers().get(config.server_name(place))
        routes = config.routes_of(server) if isinstance(server, dict) else {}
        start = config.route_id(place, "")
        roles = sorted(found.removeprefix(start) for found in routes if found.startswith(start))
        return tuple(self._seen(place, role, server, routes) for role in roles)

    def put(self, site: Site, now: float) -> None:
        """Switch to exactly this.

        In nearly every case that is one rename, and requests that begin after it go nowhere
        else. Only a new path or address to listen on needs a change of Caddy's
        configuration, which comes first and may be refused: then nothing has changed.
        """
        with changing(self._home):
            self._configure(site, self._servers())
        live = self._live(site.place, site.role)
        given = _given(live, site, now)
        if not live.whole(given):
            self._switch(live, given)

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
        """Requests and answers of 5xx since Caddy last started to count."""
        text = self._admin.text("GET", "/metrics").decode(errors="replace")
        return metrics.counters(text, config.server_name(place))

    def _live(self, place: Place, role: str) -> Live:
        return Live(self._home.proxy / place.app / place.environment / role)

    def _servers(self) -> Servers:
        """The servers Caddy holds; none where somebody took that part away."""
        try:
            found = self._admin.get(SERVERS)
        except Refused:  # a part of the path is missing
            found = None
        return found if isinstance(found, dict) else {}

    def _seen(self, place: Place, role: str, server: Any, routes: Servers) -> SiteSeen:
        live = self._live(place, role)
        given = live.given()
        if given is None:
            route = _path(routes[config.route_id(place, role)])
            site = Site(place, role, _listen(server), route, ())
            return SiteSeen(site, 0.0, _print(server, live))
        site = given.site
        wanted = self._rendered(site, routes)
        edited = wanted != server or not live.whole(given)
        if edited:
            site = msgspec.structs.replace(
                site, listen=_listen(server), upstreams=shares(live.slots(), site.upstreams)
            )
        return SiteSeen(site, given.since, _print(server, live) if edited else "")

    def _rendered(self, site: Site, routes: Servers) -> config.Json:
        """The site's server as it should be, with the place's other roles as they are."""
        directory = self._live(site.place, site.role).directory
        own = config.route(site, str(directory))
        others = [route for key, route in routes.items() if key != own["@id"]]
        return config.server(site.listen, [*others, own])

    def _configure(self, site: Site, servers: Servers) -> None:
        name = config.server_name(site.place)
        server = servers.get(name)
        wanted = self._rendered(site, config.routes_of(server) if server else {})
        if wanted == server:
            return
        _refuse_shared(site, name, servers)
        if site.listen != _listen(server):
            _refuse_taken(site)
        if not servers:
            self._ensure()
        self._admin.set(f"{SERVERS}/{name}", wanted)
        self._keep()

    def _take_out(self, place: Place, role: str) -> None:
        name = config.server_name(place)
        server = self._servers().get(name)
        routes = config.routes_of(server) if isinstance(server, dict) else {}
        if routes.pop(config.route_id(place, role), None) is None:
            return
        if routes:
            self._admin.set(f"{SERVERS}/{name}", config.server(_listen(server), [*routes.values()]))
        else:
            self._admin.delete(f"{SERVERS}/{name}")
        self._keep()

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

    def _switch(self, live: Live, given: Given) -> None:
        try:
            live.switch(given)
        except OSError as error:
            raise FairleadError(
                f"the proxy was not switched: {live.directory}: {error}",
                "free space or mend the directory; what it served before it serves on",
            ) from error

    def _addresses(self, place: Place) -> frozenset[str]:
        roles = (self._home.proxy / place.app / place.environment).glob("*/")
        return frozenset().union(*(Live(role).addresses() for role in roles))


def _print(server: Any, live: Live) -> str:
    """Names what the proxy holds, so that another change of it has another name."""
    held = json.dumps([server, sorted(map(str, live.slots()))], sort_keys=True, default=str)
    return hashlib.sha256(held.encode()).hexdigest()[:16]


def _given(live: Live, site: Site, now: float) -> Given:
    """The site with the time its upstreams were set: the old one where they are the same."""
    served = tuple(upstream for upstream in site.upstreams if upstream.share > 0)
    site = msgspec.structs.replace(site, upstreams=served)
    before = live.given()
    if before is None or before.site.upstreams != served or not live.whole(before):
        return Given(site, now)
    return Given(site, before.since)


def _refuse_shared(site: Site, name: str, servers: Servers) -> None:
    for other, server in servers.items():
        if other != name and site.listen == _listen(server):
            raise Refused(
                f"{site.place} cannot listen on {site.listen}: {other} does",
                f"set another `listen` for environment.{site.place.environment} in fairlead.toml",
            )


def _refuse_taken(site: Site) -> None:
    """Caddy would share a port with any program that also set SO_REUSEPORT, unasked."""
    reason = refusal(site.listen)
    if reason:
        raise Refused(
            f"{site.place} cannot listen on {site.listen}: {reason}",
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
