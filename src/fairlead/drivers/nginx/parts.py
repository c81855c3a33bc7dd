"""Which servers a site becomes: who is served, who is sent on, at which address. Pure."""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from fairlead.rollout.ports import Site

EVERY = ""
"""The name that a site without names answers to."""


class Part(msgspec.Struct, frozen=True):
    """One server: these names at an address. They are served where ``to`` is "", and else sent
    on there, with the path they asked for. ``own`` is an address it also has, for every name."""

    listen: str
    names: tuple[str, ...]
    secure: bool = False
    to: str = ""
    own: str = ""


def parts(site: Site, covered: Sequence[str]) -> tuple[Part, ...]:
    """The servers, for a certificate that covers these names; ``EVERY`` stands for any name.

    A name without a certificate is served plainly, and never sent to HTTPS.
    """
    names = site.names or (EVERY,)
    if site.tls is None:
        return _with_own(_group(site.listen, False, [(n, _to(site, n)) for n in names]), site)
    secure = [(n, _to(site, n, covered)) for n in names if n in covered]
    plain = [(n, _plain_to(site, n, covered)) for n in names]
    found = _group(site.listen, True, secure)
    return _with_own(found + (_group(site.tls.plain, False, plain) if site.tls.plain else ()), site)


def _to(site: Site, name: str, covered: Sequence[str] | None = None) -> str:
    """Where a name is sent on to, its kind of request being the same."""
    there = site.canonical
    if not there or name == there or (covered is not None and there not in covered):
        return ""
    return _url("http" if covered is None else "https", there, site.listen)


def _plain_to(site: Site, name: str, covered: Sequence[str]) -> str:
    wanted = site.canonical or name
    if site.tls and site.tls.redirect and wanted in covered:
        return _url("https", site.canonical or "$host", site.listen)
    if site.tls and site.canonical and name != site.canonical:
        return _url("http", site.canonical, site.tls.plain)
    return ""


def _url(scheme: str, host: str, listen: str) -> str:
    port = listen.rpartition(":")[2]
    return f"{scheme}://{host}" + ("" if port == _USUAL[scheme] else f":{port}")


_USUAL = {"http": "80", "https": "443"}


def _group(listen: str, secure: bool, names: list[tuple[str, str]]) -> tuple[Part, ...]:
    by_target = groupby(sorted(names, key=lambda pair: pair[1]), key=lambda pair: pair[1])
    return tuple(
        Part(listen, tuple(name for name, _ in group if name != EVERY), secure, to)
        for to, group in by_target
    )


def _with_own(found: tuple[Part, ...], site: Site) -> tuple[Part, ...]:
    """The place's own address goes to a server that serves, one with HTTPS if there is any."""
    first = next((n for n, part in enumerate(found) if not part.to), None)
    if first is None or not site.own:
        return found
    given = msgspec.structs.replace(found[first], own=site.own)
    return (*found[:first], given, *found[first + 1 :])
