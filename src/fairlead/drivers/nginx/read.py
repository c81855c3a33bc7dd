"""What nginx says it holds: its whole configuration as `nginx -T` prints it, read back.

Only what is asked: which servers stand in which file, in nginx's own order, and where they
listen.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from fairlead.drivers._nginx import Directive, expanded, inside, parse

_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
_LISTEN = re.compile(r"(?:(\[[^\]]+\]|[^:]+):)?(\d+)")
_WILD = {"*": "*", "0.0.0.0": "*", "[::]": "[::]", "localhost": "127.0.0.1"}  # noqa: S104


class Listen(msgspec.Struct, frozen=True):
    """One address a server listens on; ``host`` is ``*`` or ``[::]`` for all."""

    host: str
    port: str
    tls: bool = False
    default: bool = False


class Server(msgspec.Struct, frozen=True):
    """A server and the file it stands in."""

    file: str
    listens: tuple[Listen, ...]


def files_of(dump: str) -> dict[str, str]:
    """The files in what `nginx -T` printed, the first being the main one."""
    parts = _FILE.split(dump)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def servers_of(files: Mapping[str, str]) -> tuple[Server, ...]:
    """Every HTTP server, in the order in which nginx meets them."""
    main = next(iter(files), "")
    http = [d for d, _ in expanded(main, files) if d.words[:1] == ("http",)]
    found = (pair for block in http for pair in inside(block.block, main, files))
    return tuple(
        Server(file, _listens(directive.block, file, files))
        for directive, file in found
        if directive.words == ("server",)
    )


def names_of(text: str) -> frozenset[str]:
    """The names of the servers in a file."""
    servers = (directive.block for directive in parse(text) if directive.words == ("server",))
    found = (d.words[1:] for block in servers for d in block if d.words[:1] == ("server_name",))
    return frozenset().union(*found)


def listen(words: Sequence[str]) -> Listen | None:
    """What a ``listen`` directive says; None for a unix socket."""
    if words[0].startswith("unix:"):
        return None
    found = _LISTEN.fullmatch(words[0])
    host, port = (found[1] or "*", found[2]) if found else (words[0], "80")
    flags = set(words[1:])
    default = bool(flags & {"default_server", "default"})
    return Listen(_WILD.get(host, host), port, "ssl" in flags, default)


def conflict(ours: Sequence[str], servers: Sequence[Server]) -> str:
    """Why our files would take requests from somebody else's server; "" when they do not.

    nginx itself takes such a configuration without a word: an address that is more exact
    than another one's wildcard gets all of its requests, the first server of an address
    gets every unknown name, and one ``ssl`` makes the whole address speak TLS.
    """
    by_address: dict[tuple[str, str], list[tuple[Server, Listen]]] = {}
    for server in servers:
        for one in server.listens:
            by_address.setdefault((one.host, one.port), []).append((server, one))
    mine = [(server, one) for server in servers if server.file in ours for one in server.listens]
    for server, one in mine:
        at = by_address[one.host, one.port]
        why = _shadowed(server, one, by_address) or _unlike(server, one, at, ours)
        if why:
            return why
    return ""


def _shadowed(
    server: Server, one: Listen, by_address: Mapping[tuple[str, str], list[tuple[Server, Listen]]]
) -> str:
    for (host, port), found in by_address.items():
        wild = {host, one.host} & {"*", "[::]"}
        same_family = host.startswith("[") == one.host.startswith("[")
        if port == one.port and host != one.host and wild and same_family:
            others = [other.file for other, _ in found if other.file != server.file]
            if others:
                return f"{others[0]} listens on {host}:{port}, and one of the two would get nothing"
    return ""


def _unlike(
    server: Server, one: Listen, at: Sequence[tuple[Server, Listen]], ours: Sequence[str]
) -> str:
    where = f"{one.host}:{one.port}"
    others = [(other, its) for other, its in at if other.file != server.file]
    foreign = [other.file for other, _ in others if other.file not in ours]
    if others and (one.default or any(o.file in ours and its.default for o, its in others)):
        return f"{others[0][0].file} listens on {where} too, and without names only one may"
    if any(its.tls != one.tls for _, its in others):
        return f"{others[0][0].file} listens on {where} too, and only one of the two with TLS"
    if foreign and at[0][0].file in ours and not any(its.default for _, its in at):
        return f"requests to {where} for unknown names would no longer get to {foreign[0]}"
    return ""


def _listens(block: Sequence[Directive], file: str, files: Mapping[str, str]) -> tuple[Listen, ...]:
    found = [d.words[1:] for d, _ in inside(block, file, files) if d.words[:1] == ("listen",)]
    if not found:
        return (Listen("*", "80"),)
    return tuple(one for one in map(listen, found) if one is not None)
