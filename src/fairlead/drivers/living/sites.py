"""nginx's servers that belong to an app: by where they send requests, or whose files they serve.

Directives: nginx.org/en/docs/http/ngx_http_core_module.html and ngx_http_proxy_module.html.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fairlead.adopt.model import At, Files, Pass, Server
from fairlead.drivers._nginx import Directive, expanded, inside, parse
from fairlead.drivers.living.tree import Tree

MAIN = "/etc/nginx/nginx.conf"
_PASSES = ("proxy_pass", "uwsgi_pass", "fastcgi_pass", "scgi_pass", "grpc_pass")
_PORTS = {"http": "80", "https": "443"}


class Found(NamedTuple):
    """All of nginx's files by their paths on the machine, the main one first."""

    files: Mapping[str, str]
    unread: tuple[tuple[str, str], ...]


def files_of(tree: Tree) -> Found:
    """The files that nginx reads: the main one, and what they include."""
    files: dict[str, str] = {}
    unread: list[tuple[str, str]] = []
    waiting = [MAIN]
    while waiting:
        path = waiting.pop(0)
        if path in files:
            continue
        try:
            text = tree.text(path)
        except OSError as error:
            unread.append((path, str(error.strerror or error)))
            continue
        if text is not None:
            files[path] = text
            waiting += [p for pattern in _includes(parse(text)) for p in tree.matching(pattern)]
    return Found(files, tuple(unread))


def _includes(block: Sequence[Directive]) -> Iterator[str]:
    for directive in block:
        if directive.name == "include" and len(directive.words) > 1:
            yield posixpath.join(posixpath.dirname(MAIN), directive.words[-1])
        yield from _includes(directive.block)


def servers(files: Mapping[str, str]) -> Iterator[Server]:
    """Every server, with where it sends requests and what files it serves."""
    if not files:
        return
    main = next(iter(files))
    blocks = [(d, f) for d, f in expanded(main, files) if d.name == "http"]
    everything = [pair for block, file in blocks for pair in inside(block.block, file, files)]
    reader = _Reader(files, dict(_upstreams(everything)), _has_host(everything))
    for directive, file in everything:
        if directive.words == ("server",):
            yield reader.server(directive, file)


def _upstreams(pairs: Sequence[tuple[Directive, str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for directive, _ in pairs:
        if directive.name == "upstream" and len(directive.words) > 1:
            held = (d.words[1] for d in directive.block if d.name == "server" and d.words[1:])
            yield directive.words[1], tuple(_address(word) for word in held)


def _has_host(pairs: Sequence[tuple[Directive, str]]) -> bool:
    return any(d.name == "proxy_set_header" and d.words[1:2] == ("Host",) for d, _ in pairs)


class _Reader:
    """Reads servers of one configuration."""

    def __init__(
        self, files: Mapping[str, str], upstreams: Mapping[str, tuple[str, ...]], host: bool
    ) -> None:
        self._files = files
        self._upstreams = upstreams
        self._host = host

    def server(self, directive: Directive, file: str) -> Server:
        """One server."""
        pairs = list(inside(directive.block, file, self._files))
        said = {name: d.words[1:] for d, _ in pairs for name in [d.name]}
        names = tuple(n for d, _ in pairs if d.name == "server_name" for n in d.words[1:])
        listens = tuple(" ".join(d.words[1:]) for d, _ in pairs if d.name == "listen")
        found = list(self._within(pairs, "", self._host or _has_host(pairs), tries=False))
        return Server(
            at=_at(directive, file, self._files),
            file=file,
            names=tuple(name for name in names if name not in ("_", "")),
            listens=listens or ("80",),
            certificate=next(iter(said.get("ssl_certificate", ())), ""),
            passes=tuple(one for one in found if isinstance(one, Pass)),
            files=tuple(one for one in found if isinstance(one, Files)),
        )

    def _within(
        self, pairs: Sequence[tuple[Directive, str]], location: str, host: bool, *, tries: bool
    ) -> Iterator[Pass | Files]:
        for directive, file in pairs:
            if directive.name in _PASSES and len(directive.words) > 1:
                yield self._pass(directive, file, location, host)
            elif directive.name in ("alias", "root") and len(directive.words) > 1:
                yield self._served(directive, file, location, tries=tries)
            elif directive.name in ("location", "if", "limit_except"):
                within = list(inside(directive.block, file, self._files))
                where = " ".join(directive.words[1:]) if directive.name == "location" else location
                tried = any(d.name == "try_files" for d, _ in within)
                own = host if not _sets_headers(within) else _has_host(within)
                yield from self._within(within, where, own, tries=tried)

    def _pass(self, directive: Directive, file: str, location: str, host: bool) -> Pass:
        start, end = directive.spans[1]
        to = directive.words[1]
        found = self._upstreams.get(_name(to)) or (_address(_target(to)),)
        return Pass(
            kind=directive.name, to=to, start=start, end=end, at=_at(directive, file, self._files),
            location=location or "/", addresses=tuple(filter(None, found)), host_header=host,
        )  # fmt: skip

    def _served(self, directive: Directive, file: str, location: str, *, tries: bool) -> Files:
        start, end = directive.spans[0][0], directive.spans[1][1]
        return Files(
            kind=directive.name, url=location or "/", directory=directive.words[1],
            start=start, end=end, at=_at(directive, file, self._files), tries=tries,
        )  # fmt: skip


def _sets_headers(pairs: Sequence[tuple[Directive, str]]) -> bool:
    """nginx inherits these from above only where there is none here."""
    return any(d.name == "proxy_set_header" for d, _ in pairs)


def _at(directive: Directive, file: str, files: Mapping[str, str]) -> At:
    return At(file, files[file].count("\n", 0, directive.spans[0][0]) + 1)


def _target(to: str) -> str:
    scheme, found, rest = to.partition("://")
    if not found:
        return to
    if rest.startswith("unix:"):
        return rest
    host = rest.partition("/")[0]
    return host if ":" in host else f"{host}:{_PORTS.get(scheme, '')}"


def _name(to: str) -> str:
    return to.partition("://")[2].partition("/")[0] if "://" in to else to


def _address(word: str) -> str:
    """As the proxy names addresses: ``unix//run/shop.sock``, ``127.0.0.1:8000``; "" for neither."""
    if word.startswith("unix:"):
        return f"unix/{word.removeprefix('unix:').partition(':')[0]}"
    host, colon, port = word.rpartition(":")
    if not colon:
        host, port = word, "80"
    host = "127.0.0.1" if host in ("localhost", "[::1]") else host
    return f"{host}:{port}" if port.isdecimal() else ""


def belongs(server: Server, addresses: frozenset[str], clone: str) -> bool:
    """Whether a server sends requests to one of the addresses, or serves files of the clone."""
    sends = any(addresses & set(one.addresses) for one in server.passes)
    return sends or any(
        posixpath.join(f.directory, "").startswith(f"{clone}/") for f in server.files
    )
