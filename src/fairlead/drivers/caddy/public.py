"""What Caddy is told of the addresses where the world asks: pure rendering.

All places with names share a server for each such address, since Caddy has one server at an
address; a request is sorted by its name. A place's own server stays beside it. Caddy gets and
renews certificates by itself, and answers the authority's questions before any route. Whether a
name has one yet is asked at each request, by its file in Caddy's storage, so that HTTPS comes into
force without a change of configuration.

Requests are counted as nginx does it, by the size of a log whose every line is ``LINE``: Caddy's
own counts are by server, and by name anybody could make up new ones without end.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.certificates.model import Authority
from fairlead.drivers._counts import COUNT_ALL, COUNT_FAILED
from fairlead.drivers.caddy import config
from fairlead.drivers.caddy.config import Json
from fairlead.rollout.ports import Site

PUBLIC = "public "
"""What the names of these servers begin with; no place's server has a space in its name."""
COUNT = "count "
ACME = "acme"
LINE = len("{}\n")
LOG_SIZE = 1  # MB; the one before is kept too
RENEW_EVERY = "10m"


class Reached(msgspec.Struct, frozen=True):
    """A place with names: its roles' sites, the directory of each, where its requests are counted,
    and a print of the owner's certificate."""

    sites: tuple[tuple[Site, str], ...]
    counted: str
    mark: str = ""

    @property
    def site(self) -> Site:
        """What its roles have in common."""
        return self.sites[0][0]


def with_public(held: Json, places: Sequence[Reached], storage: str, authority: Authority) -> Json:
    """The configuration with all of this in it, and nothing else changed."""
    apps = dict(held.get("apps") or {})
    http = dict(apps.get("http") or {})
    kept = {n: s for n, s in (http.get("servers") or {}).items() if not n.startswith(PUBLIC)}
    http["servers"] = kept | servers(places, storage, authority)
    apps["http"] = http
    apps.pop("tls", None)
    if any(place.site.tls for place in places):
        apps["tls"] = _tls(places, authority)
    logging = dict(held.get("logging") or {})
    logging["logs"] = _logs(logging.get("logs") or {}, places, storage)
    return {
        **held,
        "apps": apps,
        "logging": logging,
        "storage": {"module": "file_system", "root": storage},
    }


def servers(places: Sequence[Reached], storage: str, authority: Authority) -> dict[str, Json]:
    """The servers where the world asks, by name."""
    secure = {p.site.listen for p in places if p.site.tls}
    addresses = sorted({a for p in places for a in _addresses(p.site)})
    found = issued(storage, authority)
    return {PUBLIC + a: _server(a, a in secure, places, found) for a in addresses}


def _addresses(site: Site) -> Iterator[str]:
    yield site.listen
    if site.tls and site.tls.plain:
        yield site.tls.plain


def storage(home: Home) -> str:
    """Where Caddy keeps certificates, its account and its log about them."""
    return str(home.proxy / "caddy" / "data" / "caddy")


def issued(storage: str, authority: Authority) -> str:
    """The directory of an authority's certificates in Caddy's storage (certmagic's IssuerKey and
    KeyBuilder.Safe)."""
    url = urlsplit(authority.directory)
    path = url.path.replace("/", "-").strip("-")
    key = (url.netloc + (f"-{path}" if path else "")).lower().replace(":", "-")
    return f"{storage}/certificates/{key}"


def place_route(place: Place, listen: str) -> str:
    """The ``@id`` of the route by which a place is served at an address."""
    return f"{config.server_name(place)}@{listen}"


def _server(listen: str, secure: bool, places: Sequence[Reached], issued: str) -> Json:
    here = [place for place in places if listen in _addresses(place.site)]
    routes = [route for place in here for route in _routes(place, listen, secure, issued)]
    failing = [_told(place.site) for place in here if secure and place.site.tls]
    shell = config.shell(listen, [*routes, _nobodys()], [r for r in failing if r])
    names = {name: [_counter(place.site.place)] for place in here for name in place.site.names}
    shell["logs"] = {"logger_names": names, "skip_unmapped_hosts": True}
    return shell | ({"tls_connection_policies": [{}]} if secure else {})


def _routes(place: Reached, listen: str, secure: bool, issued: str) -> Iterator[Json]:
    site = place.site
    told = _told(site) if secure else None
    if told:
        yield told
    for name in site.names:
        yield from _sent_on(site, name, secure, issued)
    roles = [config.route(one, directory) for one, directory in place.sites]
    for route in roles:
        del route["@id"]  # which a configuration has once: in the place's own server
    yield {
        "@id": place_route(site.place, listen),
        "match": [{"host": list(site.names)}],
        "terminal": True,
        "handle": [config.anonymous(), config.ordered(roles)],
    }


def _sent_on(site: Site, name: str, secure: bool, issued: str) -> Iterator[Json]:
    """To HTTPS where there is a certificate, and to the one name."""
    wanted = site.canonical or name
    other = wanted != name
    match: Json = {"host": [name]}
    # The last of the files that Caddy writes of a certificate, just before it serves by it.
    there = {"file": {"root": issued, "try_files": [f"{wanted}/{wanted}.json"]}}
    if site.tls and site.tls.certificate:
        there = {}
    if site.tls and (other if secure else site.tls.redirect):
        yield _away(match | there, f"https://{wanted}", site.listen, "443")
    if other and not secure:
        plain = site.tls.plain if site.tls else site.listen
        yield _away(match, f"http://{wanted}", plain, "80")


def _away(match: Json, to: str, listen: str, usual: str) -> Json:
    port = listen.rpartition(":")[2]
    location = to + ("" if port == usual else f":{port}") + "{http.request.uri}"
    answer = {
        "handler": "static_response",
        "status_code": 308,
        "headers": {"Location": [location]},
    }
    return {"match": [match], "terminal": True, "handle": [config.anonymous(), answer]}


def _told(site: Site) -> Json | None:
    """Strict-Transport-Security for all that is answered, instead of what an app may say."""
    if site.tls is None or not site.tls.hsts:
        return None
    said = {"Strict-Transport-Security": [f"max-age={site.tls.hsts}"]}
    header = {"handler": "headers", "response": {"set": said, "deferred": True}}
    return {"match": [{"host": list(site.names)}], "handle": [header]}


def _nobodys() -> Json:
    answer = {"handler": "static_response", "status_code": 421}
    return {"handle": [config.anonymous(), answer]}


def _tls(places: Sequence[Reached], authority: Authority) -> Json:
    """Certificates of the owners', and how Caddy gets the others."""
    own = [p for p in places if p.site.tls and p.site.tls.certificate]
    asked = [p for p in places if p.site.tls and not p.site.tls.certificate]
    names = sorted({name for place in asked for name in place.site.names})
    found: Json = {"certificates": {"load_files": [_files(place) for place in own]}}
    if names:
        found["certificates"]["automate"] = names
        found["automation"] = {
            "policies": [{"subjects": names, "issuers": [_issuer(asked, names[0], authority)]}],
            "renew_interval": RENEW_EVERY,
        }
    return found


def _files(place: Reached) -> Json:
    """The tag is another one when the files have another content, and so is the configuration."""
    tls = place.site.tls
    assert tls is not None
    return {"certificate": tls.certificate, "key": tls.key, "tags": [place.mark]}


def tls_files(held: Json) -> object:
    """The owners' certificates in a configuration, with the print of each."""
    tls = (held.get("apps") or {}).get("tls") or {}
    return (tls.get("certificates") or {}).get("load_files") or []


def _issuer(asked: Sequence[Reached], name: str, authority: Authority) -> Json:
    """By files over plain HTTP only, as behind nginx (RFC 8555, 8.3).

    Without an email Caddy looks for the newest account it has. A change of configuration while it
    makes its first one has it find half of that, and it then says "default" is its address, which
    every authority refuses, until it is started again (2.11.7; certmagic's mostRecentAccountEmail).
    """
    plain = next((p.site.tls.plain for p in asked if p.site.tls and p.site.tls.plain), ":80")
    port = int(plain.rpartition(":")[2])
    found: Json = {
        "module": "acme",
        "ca": authority.directory,
        "email": authority.email or f"postmaster@{name}",  # RFC 5321, 4.5.1: it is always there
        "challenges": {"http": {"alternate_port": port}, "tls-alpn": {"disabled": True}},
    }
    if authority.root:
        found["trusted_roots_pem_files"] = [authority.root]
    return found


def _counter(place: Place) -> str:
    return config.server_name(place)


def own_logs(site: Site) -> Json:
    """What a place's own server adds to its counts."""
    return {"logs": {"default_logger_name": _counter(site.place)}} if site.names else {}


def _logs(held: Mapping[str, Any], places: Sequence[Reached], storage: str) -> Json:
    """Two logs that are counts for each place, and one of how getting certificates went."""
    ours = {n: log for n, log in held.items() if not n.startswith(COUNT) and n != ACME}
    for place in places:
        name = f"{config.COUNTED}.{_counter(place.site.place)}"
        for file, level in ((COUNT_ALL, "INFO"), (COUNT_FAILED, "ERROR")):
            ours[f"{COUNT}{file} {_counter(place.site.place)}"] = {
                "level": level,
                "include": [name],
                "encoder": _NOTHING,
                "writer": {"output": "file", "filename": f"{place.counted}/{file}", "roll": False},
            }
    if any(place.site.tls for place in places):
        writer = {"output": "file", "filename": acme_log(storage), "roll_size_mb": LOG_SIZE}
        ours[ACME] = {
            "level": "ERROR",
            "include": ["tls.obtain", "tls.renew"],
            "encoder": {"format": "json"},
            "writer": writer | {"roll_keep": 1, "roll_gzip": False},
        }
    return ours


def acme_log(storage: str) -> str:
    """Where Caddy writes why it got no certificate."""
    return f"{storage}/acme.log"


_KEYS = ("time_key", "level_key", "message_key", "name_key", "caller_key", "stacktrace_key")
_FIELDS = (
    "request", "bytes_read", "user_id", "duration", "size", "status", "resp_headers",
)  # fmt: skip
_NOTHING = {
    "format": "filter",
    "wrap": {"format": "json", **dict.fromkeys(_KEYS, "")},
    "fields": {field: {"filter": "delete"} for field in _FIELDS},
}
