"""What Caddy is told: pure rendering of its JSON configuration.

Caddy's configuration holds only what seldom changes: the listener and each role's path.
Which copies get the traffic, in which shares, and which files are assets lies in a
directory that Caddy reads at every request (``live``): a change of configuration closes
every idle keep-alive connection of every place, and a client that was just about to use
one sees a failed request (docs/design/handover.md has the figures).

Formats: Caddy's JSON configuration (caddyserver.com/docs/json/). ``{file.PATH}`` is its
placeholder for a file's content.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.base.ids import Place
from fairlead.drivers._answers import (
    DIGITS,
    FOREVER,
    HASHED,
    HEADER_TIME,
    MAINTENANCE,
    RETRY_AFTER,
    SHORT,
)
from fairlead.drivers._live import FILES, LIVE
from fairlead.drivers._slots import SLOTS, prefix
from fairlead.rollout.ports import Site

Json = dict[str, Any]

HEADER_LIMIT = 64 * 1024  # bytes of a request's headers
GRACE = 10  # seconds requests get to end when Caddy itself is asked to end
RETRY_FOR = 2  # seconds a request waits for a copy that accepts a connection
# Only a change of configuration starts this clock, also one for another place. What ends
# the streams of a copy that was let go is the rollout, after the site's ``stream_limit``.
STREAMS_OUTLIVE = "720h"
# The client's own word about who it is; our own headers say what we saw.
UNTRUSTED = ("Forwarded", "X-Real-Ip")
# Caddy logs an error whose answer it was told (``_failure``) at the level DEBUG.
FAILED_REQUESTS = "http.log.error"
COUNTED = "http.log.access"
# The error log says what failed, not who asked for what.
PERSONAL = ("headers", "uri", "remote_ip", "remote_port", "client_ip")


def initial(admin_socket: str) -> Json:
    """A Caddy that serves nothing yet. Its admin interface is a unix socket, never a port."""
    return {
        "admin": {"listen": f"unix/{admin_socket}", "config": {"persist": False}},
        "logging": {
            "logs": {
                "default": {**_log("ERROR"), "exclude": [FAILED_REQUESTS, COUNTED]},
                "failed": {**_log("DEBUG"), "include": [FAILED_REQUESTS]},
            }
        },
        "apps": {"http": {"metrics": {}, "grace_period": f"{GRACE}s", "servers": {}}},
    }


def server_name(place: Place) -> str:
    """The name of a place's server; a name has no dot, so no two places share one."""
    return f"{place.app}.{place.environment}"


def route_id(place: Place, role: str) -> str:
    """The ``@id`` of a role's route."""
    return f"{place.app}.{place.environment}.{role}"


def server(listen: str, routes: Sequence[Json]) -> Json:
    """A place's server. Its one outer route makes Caddy count each request once."""
    return shell(listen, [{"handle": [anonymous(), ordered(routes)]}])


def ordered(routes: Sequence[Json]) -> Json:
    """The roles' routes, the longest path first."""
    return {"handler": "subroute", "routes": sorted(routes, key=_prefix, reverse=True)}


def shell(listen: str, routes: Sequence[Json], failing: Sequence[Json] = ()) -> Json:
    """A server. ``failing`` are routes that a failure passes before it is answered."""
    return {
        "listen": [listen],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "read_header_timeout": f"{HEADER_TIME}s",
        "max_header_bytes": HEADER_LIMIT,
        "routes": list(routes),
        "errors": {"routes": [*failing, {"handle": [anonymous(), _failure()]}]},
    }


def routes_of(live: Mapping[str, Any]) -> dict[str, Json]:
    """The roles' routes in a server that Caddy holds, by their id; what is not ours is left out.

    They are looked for everywhere: somebody who edits a server may move them, and what was
    moved is edited, not gone.
    """
    return {found["@id"]: found for found in _tables(live) if isinstance(found.get("@id"), str)}


def _tables(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in ``value``, itself among them."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _tables(item)


def route(site: Site, directory: str) -> Json:
    """One role's route, served from the directory that ``live`` keeps."""
    live = f"{directory}/{LIVE}"
    rendered: Json = {
        "@id": route_id(site.place, site.role),
        "terminal": True,
        "handle": [
            {
                "handler": "subroute",
                "routes": [*_assets(live), _copies(live, site.body_limit), _nobody()],
            }
        ],
    }
    if prefix(site.route):
        start = prefix(site.route)
        rendered["match"] = [{"path": [start, f"{start}/*"]}]
    return rendered


def _prefix(rendered: Json) -> str:
    """What a route's path begins with: the longest must be asked first."""
    try:
        return str(rendered["match"][0]["path"][0])
    except (LookupError, TypeError):
        return ""


def _copies(live: str, body_limit: int) -> Json:
    """Hand the request to the copy in the next slot, if there is any."""
    return {
        "match": [{"file": {"root": live, "try_files": ["00"]}}],
        "terminal": True,
        "handle": [{"handler": "request_body", "max_size": body_limit}, _reverse_proxy(live)],
    }


def _reverse_proxy(live: str) -> Json:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{{file.{live}/{slot:02}}}"} for slot in range(SLOTS)],
        "load_balancing": {
            "selection_policy": {"policy": "round_robin"},
            "try_duration": f"{RETRY_FOR}s",
            "try_interval": "10ms",
            # A method nobody sends: what reached a copy is never sent again, not even a
            # GET. Failed dials are tried again all the same.
            "retry_match": [{"method": ["FAIRLEAD-NEVER"]}],
        },
        # A connection to a copy is one request in flight, and none is left lying idle for
        # a copy to close under the next request.
        "transport": {"protocol": "http", "keep_alive": {"enabled": False}},
        "headers": {"request": {"delete": list(UNTRUSTED)}},
        "stream_close_delay": STREAMS_OUTLIVE,
    }


def _assets(live: str) -> list[Json]:
    """Files first, wherever they lie: which paths are assets is a matter of the switch."""
    directory = {"path": ["*/"]}
    match = {
        "method": ["GET", "HEAD"],
        "file": {"root": f"{live}/{FILES}", "try_files": ["{http.request.uri.path}"]},
        "not": [directory],
    }
    dated = {"path_regexp": {"pattern": DIGITS}}
    hashed = {**match, "path_regexp": {"pattern": HASHED}, "not": [directory, dated]}
    return [_files(hashed, live, FOREVER), _files(match, live, SHORT)]


def _files(match: Json, live: str, caching: str) -> Json:
    served = {
        "handler": "file_server",
        "root": f"{live}/{FILES}",
        "index_names": [],
        "canonical_uris": False,
    }
    header = {"handler": "headers", "response": {"set": {"Cache-Control": [caching]}}}
    return {"match": [match], "terminal": True, "handle": [header, served]}


def _nobody() -> Json:
    return {
        "handle": [
            {
                "handler": "static_response",
                "status_code": 503,
                "headers": {**_plain(), "Retry-After": [str(RETRY_AFTER)]},
                "body": MAINTENANCE,
            }
        ]
    }


def _failure() -> Json:
    return {
        "handler": "static_response",
        "status_code": "{http.error.status_code}",
        "headers": _plain(),
        "body": "{http.error.status_code} {http.error.status_text}\n",
    }


def _plain() -> Json:
    return {"Content-Type": ["text/plain; charset=utf-8"], "Cache-Control": ["no-store"]}


def anonymous() -> Json:
    """Answers do not say what software gave them."""
    return {"handler": "headers", "response": {"delete": ["Server", "Via"], "deferred": True}}


def _log(level: str) -> Json:
    fields = {f"request>{field}": {"filter": "delete"} for field in PERSONAL}
    encoder = {"format": "filter", "wrap": {"format": "json"}, "fields": fields}
    return {"level": level, "encoder": encoder}
