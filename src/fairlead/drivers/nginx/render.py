"""What nginx is told: pure rendering of our files in its include directory.

A file holds only what seldom changes: a place's addresses, names, paths and limits. Which
copies get the traffic, in which shares, and which files are assets lies in directories that
nginx reads at every request (``drivers/_live``), so that a switch is a rename and needs no
reload (docs/decisions/0103-nginx.md). Copies on sockets are an ``upstream`` of 100 paths,
each a symbolic link that connect(2) follows. Copies on ports have no such path; there the
link leads to a directory whose name is the address, and ``$realpath_root`` reads it.

Directives: nginx.org/en/docs/dirindex.html, as of 1.22.
"""

import hashlib
import re
from collections.abc import Sequence

import msgspec

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.drivers import _answers as answers
from fairlead.drivers._counts import COUNT_ALL, COUNT_FAILED
from fairlead.drivers._live import LIVE
from fairlead.drivers._slots import SLOTS, prefix
from fairlead.drivers.nginx.parts import Part, parts
from fairlead.drivers.nginx.text import Lines, block, quoted
from fairlead.rollout.ports import Site, Tls

SERVES = "serves"
"""The file in a set that says that there is somebody to hand requests to."""
PICK = "pick"
"""The directory in a set whose links lead to the address as a name."""
AT = "at"
RUNNING = "running."

# Nothing before the colon: all addresses of the machine, of both families.
ADDRESS = re.compile(r"(|\*|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):(\d{1,5})")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
# Below, paths stand where nginx looks for variables, and it knows no way to write a plain "$";
# a colon would end a socket's path.
UNFIT = re.compile(r"[$:\x00-\x1f\x7f]")
SUN_PATH = 107  # bytes, unix(7)

HEADER_BUFFER = 16  # KiB; four of them, so a request's headers may have 64
CONNECT = 2  # seconds for a copy to accept
TRIES = 8  # slots a request is offered to while none of them accepts; nginx allows ten
NO_LIMIT = "30d"  # an answer may take as long as it takes, and a WebSocket be silent
FAILURES = {
    413: "Content Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}
PLAIN = 'default_type "text/plain; charset=utf-8";'
HEADERS = {
    "Host": "$fairlead_host",
    "Connection": "$fairlead_connection",
    "Upgrade": "$fairlead_upgrade",
    "X-Forwarded-For": "$remote_addr",
    "X-Forwarded-Host": "$fairlead_host",
    "X-Forwarded-Proto": "$scheme",
    "X-Real-IP": "$remote_addr",
    "Forwarded": "",
    "Proxy": "",
}
"""What a copy is told of a request. What a client claims of itself is replaced."""


class Chosen(msgspec.Struct, frozen=True):
    """The certificate a site is served by, the names it is for, and a print of its content."""

    chain: str
    key: str
    names: tuple[str, ...]
    mark: str


class Role(msgspec.Struct, frozen=True):
    """A role's site, the directory of its switch, and whether a copy may listen on a port.

    ``chosen`` is the certificate, ``proofs`` the directory of files by which ACME proves a name,
    "" for none, and ``both`` says whether the machine has IPv6 beside IPv4.
    """

    site: Site
    directory: str
    by_port: bool = False
    chosen: Chosen | None = None
    proofs: str = ""
    both: bool = True


def upstream_name(place: Place, role: str) -> str:
    """The name of a role's upstream; a name has no dot, so no two roles share one."""
    return f"fairlead.{place.app}.{place.environment}.{role}"


def file_name(place: Place) -> str:
    """The name of a place's file in the include directory."""
    return f"fairlead-{place.app}.{place.environment}.conf"


def check(site: Site, directory: str) -> None:
    """Raises UsageError for what nginx cannot be told, with what it should be."""
    more = (site.tls.plain if site.tls else "", site.own)
    for listen in (site.listen, *filter(None, more)):
        found = ADDRESS.fullmatch(listen)
        if not found or not 0 < int(found[2]) < 65536:
            raise UsageError(f"not an address to listen on: {listen!r}", "use 127.0.0.1:8000")
    for name in site.names:
        if not NAME.fullmatch(name) or len(name) > 253:
            raise UsageError(f"not a host name: {name!r}", "use shop.example or *.shop.example")
    for path in (directory, *((site.tls.certificate, site.tls.key) if site.tls else ())):
        if UNFIT.search(path):
            raise UsageError(f"a path with $, : or a control character: {path!r}", "move it")
    if re.search(r"[\x00-\x1f\x7f]", site.route):
        raise UsageError(f"not a path: {site.route!r}", "use / or /api")
    if len(f"{directory}/{LIVE}/00".encode()) > SUN_PATH:
        raise UsageError(f"a path too long for a socket: {directory}", "use a shorter directory")


def place_file(place: Place, directory: str, roles: Sequence[Role]) -> str:
    """The file of a place. ``directory`` is the place's own, where its counts lie."""
    ordered = sorted(roles, key=lambda role: role.site.role)
    lines: Lines = []
    for role in ordered:
        lines += _upstream(role)
    for part in parts(ordered[0].site, _covered(ordered[0])):
        lines += _sent_on(ordered[0], part) if part.to else _served(directory, ordered, part)
    if chosen := ordered[0].chosen:
        lines.append(f"{_CERTIFICATE}{chosen.mark} {chosen.chain}")
    mark = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    head = [
        f"# {place}, by Fairlead. What is changed here by hand is undone by the next release.",
        "# Who serves is not in here: docs/decisions/0103-nginx.md.",
    ]
    return "\n".join([*head, *lines]).replace(_MARK, mark) + "\n"


def mark_of(text: str, directory: str) -> str:
    """The file that a worker has open while it runs the configuration ``text``; "" for none."""
    found = re.search(rf"/{re.escape(RUNNING)}([0-9a-f]{{16}})\"", text)
    return f"{directory}/{RUNNING}{found[1]}" if found else ""


_MARK = "?" * 16


_CERTIFICATE = "# certificate "


def certificate_in(text: str) -> tuple[str, str]:
    """The print and the path of the certificate that a file of ours was made for; "" for none."""
    found = re.search(rf"^{_CERTIFICATE}(\S+) (.*)$", text, re.MULTILINE)
    return (found[1], found[2]) if found else ("", "")


def _covered(role: Role) -> tuple[str, ...]:
    return role.chosen.names if role.chosen else ()


def _upstream(role: Role) -> Lines:
    """One server per slot. nginx judges none of them: who is ready is Fairlead's decision."""
    if role.by_port:
        return []
    name = upstream_name(role.site.place, role.site.role)
    path = f"{role.directory}/{LIVE}"
    servers = [f"server {quoted(f'unix:{path}/{slot:02}')} max_fails=0;" for slot in range(SLOTS)]
    return block(f"upstream {name}", [f"zone {name} 128k;", *servers])


def _served(directory: str, roles: Sequence[Role], part: Part) -> Lines:
    first = roles[0]
    hsts = _hsts(first.site.tls) if part.secure else []
    lines = [
        *_listens(part, first.both),
        *(_certificate(first.chosen) if part.secure else []),
        f"access_log {quoted(f'{directory}/{COUNT_ALL}')} fairlead_count;",
        f"access_log {quoted(f'{directory}/{COUNT_FAILED}')} fairlead_count if=$fairlead_failed;",
        *_guard(part),
        *_common(),
        *(["proxy_hide_header Strict-Transport-Security;"] if hsts else []),
        *hsts,
        *_failures(hsts),
        # What a worker has open says which configuration it runs.
        *block(
            "location @fairlead.running",
            [f"access_log {quoted(f'{directory}/{RUNNING}{_MARK}')} fairlead_count;"],
        ),
        *_proofs(first),
    ]
    for role in sorted(roles, key=lambda role: prefix(role.site.route)):
        lines += _role(role, hsts)
    if all(prefix(role.site.route) for role in roles):
        lines += block("location /", ["return 404;"])
    return block("server", lines)


def _sent_on(role: Role, part: Part) -> Lines:
    """A server that sends everybody elsewhere, but for whoever asks for a proof."""
    lines = [
        *_listens(part, role.both),
        *(_certificate(role.chosen) if part.secure else []),
        "access_log off;",
        "error_log stderr emerg;",
        "server_tokens off;",
        *_guard(part),
        *(_hsts(role.site.tls) if part.secure else []),
        *_proofs(role),
        *block("location /", [f'return 308 "{part.to}$request_uri";']),
    ]
    return block("server", lines)


def _proofs(role: Role) -> Lines:
    """Where an authority looks whether a name is ours (RFC 8555, 8.3). No app is asked."""
    if not role.proofs:
        return []
    lines = [
        "access_log off;",
        'default_type "text/plain";',
        f"root {quoted(role.proofs)};",
        "try_files $uri =404;",
    ]
    return block("location ^~ /.well-known/acme-challenge/", lines)


def _listens(part: Part, both: bool) -> Lines:
    """Without names it is the only server of its address, and says so."""
    secure, only = "ssl" if part.secure else "", "" if part.names else "default_server"
    every = part.listen.removeprefix(":")
    addresses = [every, *([f"[::]:{every}"] if both else [])]
    found = addresses if every != part.listen else [part.listen]
    lines = [" ".join(filter(None, [address, secure, only])) for address in found]
    own = [f"{part.own} default_server"] if part.own else []
    return [
        *(f"listen {line};" for line in (*lines, *own)),
        f"server_name {' '.join(part.names) or '_'};",
    ]


def _guard(part: Part) -> Lines:
    """nginx hands a request for a name it does not know to the first server of the address."""
    if not part.names:
        return []
    either = "|".join(re.escape(name).replace(r"\*", ".+", 1) for name in part.names)
    if not part.own:
        return block(f"if ($host !~* {quoted(f'^(?:{either})$')})", ["return 421;"])
    allowed = rf"^(?:{part.own.rpartition(':')[2]} .*|\d+ (?:{either}))$"
    return block(f"if ($fairlead_asked !~* {quoted(allowed)})", ["return 421;"])


def _certificate(chosen: Chosen | None) -> Lines:
    if chosen is None:
        return []
    return [
        f"ssl_certificate {quoted(chosen.chain)};",
        f"ssl_certificate_key {quoted(chosen.key)};",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_session_cache shared:fairlead:4m;",
    ]


def _hsts(tls: Tls | None) -> Lines:
    """Said again wherever another header is added: nginx inherits all of them or none."""
    if tls is None or not tls.hsts:
        return []
    return [f'add_header Strict-Transport-Security "max-age={tls.hsts}" always;']


def _common() -> Lines:
    """What holds for all of a server, whatever the rest of the machine's nginx was told."""
    headers = [f'proxy_set_header {name} "{value}";' for name, value in HEADERS.items()]
    return [
        # nginx's messages name clients and what they asked for; the counts say what failed. Not
        # /dev/null: when logs are rotated, nginx gives the files it logs to to its own user.
        "error_log stderr emerg;",
        "server_tokens off;",
        "underscores_in_headers off;",
        "open_file_cache off;",
        "disable_symlinks off;",
        f"client_header_timeout {answers.HEADER_TIME}s;",
        f"large_client_header_buffers 4 {HEADER_BUFFER}k;",
        "keepalive_requests 100000;",
        "proxy_http_version 1.1;",
        *headers,
        "proxy_redirect off;",
        "proxy_cache off;",
        "proxy_buffer_size 32k;",
        "proxy_buffers 16 16k;",
        "proxy_busy_buffers_size 64k;",
        f"proxy_connect_timeout {CONNECT}s;",
        f"proxy_send_timeout {NO_LIMIT};",
        f"proxy_read_timeout {NO_LIMIT};",
        "proxy_next_upstream off;",
        *(f"error_page {code} @fairlead.{code};" for code in FAILURES),
    ]


def _failures(hsts: Lines) -> Lines:
    """Failures of the proxy itself; those of a copy come through as they are."""
    lines: Lines = []
    for code in FAILURES:
        lines += block(f"location @fairlead.{code}", [PLAIN, *_own(code, hsts)])
    return lines


def _own(code: int, hsts: Lines) -> Lines:
    """An answer of the proxy's own."""
    store = 'add_header Cache-Control "no-store" always;'
    return [store, *hsts, f'return {code} "{code} {FAILURES[code]}\\n";']


def _role(role: Role, hsts: Lines) -> Lines:
    """Files first, wherever they lie: which paths are assets is a matter of the switch."""
    path = f"{role.directory}/{LIVE}"
    lines = [
        f"client_max_body_size {role.site.body_limit};",
        f"root {quoted(path)};",
        f'try_files "/$fairlead_files$uri" "@{role.site.role}.copy.$fairlead_answer";',
        "add_header Cache-Control $fairlead_caching;",
        *hsts,
    ]
    start = prefix(role.site.route)
    heads = [f"= {quoted(start)}", quoted(f"{start}/")] if start else ["/"]
    served = [line for head in heads for line in block(f"location {head}", lines)]
    return [*served, *_copies(role, hsts)]


def _copies(role: Role, hsts: Lines) -> Lines:
    """To a copy, in two ways: its answer held for a slow client, or passed on as it comes.

    nginx would send a request again that a copy had already got, unless told to try nothing
    again; so it is told that. What got no byte out may be tried again, and that is asked here.
    """
    name = role.site.role
    lines: Lines = []
    for answer, buffering in (("held", "on"), ("direct", "off")):
        common = [
            f"client_max_body_size {role.site.body_limit};",
            PLAIN,
            f"proxy_buffering {buffering};",
            "recursive_error_pages on;",
        ]
        again = f"error_page 502 504 = @{name}.again.{answer};"
        # With its text at once: without, it would be a failure to try again.
        given_up = _own(502, hsts)
        unsent = block(f"if ($upstream_bytes_sent !~ {quoted(_unsent(role))})", given_up)
        after = [] if role.by_port else [again]
        lines += block(
            f"location @{name}.copy.{answer}",
            [*common, *_nobody(role, hsts), *_pass(role, ""), again],
        )
        lines += block(
            f"location @{name}.again.{answer}",
            [*common, *unsent, *_pass(role, "_after"), *after],
        )
    return lines


def _unsent(role: Role) -> str:
    """How ``$upstream_bytes_sent`` reads while nothing was sent and a try is left."""
    return "^0$" if role.by_port else f"^0(?: : 0){{0,{TRIES - 2}}}$"


def _pass(role: Role, turn: str) -> Lines:
    """To the next slot; by port to the one that was drawn, or the one after it."""
    if not role.by_port:
        return [f"proxy_pass http://{upstream_name(role.site.place, role.site.role)};"]
    pick = f"{role.directory}/{LIVE}/{PICK}/$fairlead_slot{turn}"
    return [f"root {quoted(pick)};", f"proxy_pass http://$fairlead_address{turn};"]


def _nobody(role: Role, hsts: Lines) -> Lines:
    """Told to come back while nobody is to serve."""
    page = quoted(answers.MAINTENANCE.strip() + "\n").replace("\n", "\\n")
    away = [
        f'add_header Retry-After "{answers.RETRY_AFTER}" always;',
        'add_header Cache-Control "no-store" always;',
        *hsts,
        f"return 503 {page};",
    ]
    return block(f"if (!-f {quoted(f'{role.directory}/{LIVE}/{SERVES}')})", away)
