"""The switch: a directory per role that the proxy reads at every request.

    live -> set-<number>      changed by one rename(2): that is the switch
    set-<number>/00 … 99      whose turn it is, one address each; none when nobody serves
                              (in which form is the proxy's matter: ``SlotForm``)
    set-<number>/files ->     the assets, laid over each other (``files``)
    set-<number>/site.json    the site this was made from

A rename is atomic, so a request finds the old set or the new one, whole. Sets that were
left stay for a while: a request that is just reading one must not lose it. Nothing is
synced to disk: after a power cut nothing serves anyway, and the next look finds a torn
set, calls it edited, and it is put again.

Directories are open to all, since a proxy may run as another user; who may come near them
is a matter of the directory that holds them all.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Protocol

import msgspec

from fairlead.base.errors import FairleadError
from fairlead.drivers import _assets
from fairlead.drivers._slots import slots
from fairlead.rollout.ports import Site, Upstream

LIVE = "live"
FILES = "files"

KEPT_SETS = 16  # with the one that serves
SITE = "site.json"


class Given(msgspec.Struct, frozen=True):
    """A site as it was given, and since when its upstreams are these."""

    site: Site
    since: float


def framed(site: Site, by: Site) -> Site:
    """A role's site with what all roles of its place have in common, as another role has it."""
    return msgspec.structs.replace(
        site, listen=by.listen, names=by.names, tls=by.tls, canonical=by.canonical, own=by.own
    )


class SlotForm(Protocol):
    """How slots lie in a set's directory, so that one proxy can read them."""

    def write(self, directory: Path, addresses: tuple[str, ...]) -> None:
        """Put the slots into a fresh set. Raises OSError."""
        ...

    def read(self, directory: Path) -> tuple[str, ...]:
        """The addresses of the slots, in their order; () where they cannot be read."""
        ...


class Live:
    """One role's directory."""

    def __init__(self, directory: Path, form: SlotForm) -> None:
        self.directory = directory
        self._form = form

    def given(self) -> Given | None:
        """What was last switched to; None where that was nothing, or cannot be read."""
        return _read(self.directory / LIVE / SITE)

    def slots(self) -> tuple[str, ...]:
        """The addresses the proxy hands requests to now, in their order."""
        return self._form.read(self.directory / LIVE)

    def whole(self, given: Given) -> bool:
        """Whether what the proxy reads is what this makes."""
        return (
            self.given() == given
            and self.slots() == turns(given.site)
            and _link(self.directory / LIVE / FILES) == _assets.target(given.site.assets)
        )

    def switch(self, given: Given) -> None:
        """Make the set and rename it into its place. Raises FairleadError."""
        try:
            self._switch(given)
        except OSError as error:
            raise FairleadError(
                f"the proxy was not switched: {self.directory}: {error}",
                "free space or mend the directory; what it served before it serves on",
            ) from error

    def dated(self, site: Site, now: float) -> Given:
        """The site with the time its upstreams were set: the old one where they are the same."""
        served = tuple(upstream for upstream in site.upstreams if upstream.share > 0)
        site = msgspec.structs.replace(site, upstreams=served)
        before = self.given()
        if before is None or before.site.upstreams != served or not self.whole(before):
            return Given(site, now)
        return Given(site, before.since)

    def served(self, site: Site) -> Site:
        """The site with the upstreams and shares that the slots really give it."""
        read = self.slots()
        if read == turns(site):
            return site
        upstreams = _shares(read, site.upstreams)
        return msgspec.structs.replace(site, upstreams=upstreams, maintenance=False)

    def _switch(self, given: Given) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        _assets.lay(self.directory, given.site.assets)
        made = self.directory / f"set-{self._next():08}"
        self._make(made, given)
        _swap(self.directory / LIVE, made.name)
        self._clean()

    def addresses(self) -> frozenset[str]:
        """Every address of this role that may still have requests: of this set and those left."""
        found = (_read(path / SITE) for path in self._sets())
        return frozenset(u.address for given in found if given for u in given.site.upstreams)

    def remove(self) -> None:
        """Serve nobody. The sets stay: their addresses may still have requests."""
        (self.directory / LIVE).unlink(missing_ok=True)

    def _make(self, directory: Path, given: Given) -> None:
        directory.mkdir()
        self._form.write(directory, turns(given.site))
        (directory / FILES).symlink_to(_assets.target(given.site.assets))
        (directory / SITE).write_bytes(msgspec.json.encode(given))
        directory.chmod(0o755)

    def _sets(self) -> list[Path]:
        return sorted(self.directory.glob("set-*"))

    def _next(self) -> int:
        return max((int(path.name[4:]) for path in self._sets()), default=0) + 1

    def _clean(self) -> None:
        for path in self._sets()[:-KEPT_SETS]:
            shutil.rmtree(path, ignore_errors=True)
        linked = {_link(path / FILES) for path in self._sets()}
        _assets.clean(self.directory, linked)


def turns(site: Site) -> tuple[str, ...]:
    """Whose turn each slot is; () while nobody is to serve."""
    return () if site.maintenance else slots(site.upstreams)


def _shares(read: tuple[str, ...], upstreams: tuple[Upstream, ...]) -> tuple[Upstream, ...]:
    counted = [msgspec.structs.replace(u, share=read.count(u.address)) for u in upstreams]
    return tuple(upstream for upstream in counted if upstream.share)


def _swap(link: Path, target: str) -> None:
    spare = link.with_name(f"{link.name}-{os.getpid()}")
    spare.unlink(missing_ok=True)
    spare.symlink_to(target)
    spare.rename(link)


def _link(path: Path) -> str:
    with contextlib.suppress(OSError):
        return str(path.readlink())
    return ""


def _read(path: Path) -> Given | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Given)
    except (OSError, msgspec.DecodeError):
        return None
