"""The switch: a directory per role that Caddy reads at every request.

    live -> set-<number>      changed by one rename(2): that is the switch
    set-<number>/00 … 99      whose turn it is, one address each; none when nobody serves
    set-<number>/files ->     the assets, laid over each other (``files``)
    set-<number>/site.json    the site this was made from

A rename is atomic, so a request finds the old set or the new one, whole. Sets that were
left stay for a while: a request that is just reading one must not lose it. Nothing is
synced to disk: after a power cut nothing serves anyway, and the next look finds a torn
set, calls it edited, and it is put again.
"""

import contextlib
import os
import shutil
from pathlib import Path

import msgspec

from fairlead.drivers.caddy import files as assets_of
from fairlead.drivers.caddy.config import FILES, LIVE, slots
from fairlead.rollout.ports import Site, Upstream

KEPT_SETS = 16  # with the one that serves
SITE = "site.json"


class Given(msgspec.Struct, frozen=True):
    """A site as it was given, and since when its upstreams are these."""

    site: Site
    since: float


class Live:
    """One role's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def given(self) -> Given | None:
        """What was last switched to; None where that was nothing, or cannot be read."""
        return _read(self.directory / LIVE / SITE)

    def slots(self) -> tuple[str, ...]:
        """The addresses Caddy hands requests to now, in their order."""
        return _slots(self.directory / LIVE)

    def whole(self, given: Given) -> bool:
        """Whether what Caddy reads is what this makes."""
        return (
            self.given() == given
            and self.slots() == slots(given.site.upstreams)
            and _link(self.directory / LIVE / FILES) == assets_of.target(given.site.assets)
        )

    def switch(self, given: Given) -> None:
        """Make the set and rename it into its place. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        assets_of.lay(self.directory, given.site.assets)
        made = self.directory / f"set-{self._next():08}"
        _make(made, given)
        _swap(self.directory / LIVE, made.name)
        self._clean()

    def addresses(self) -> frozenset[str]:
        """Every address of this role that may still have requests: of this set and those left."""
        found = (_read(path / SITE) for path in self._sets())
        return frozenset(u.address for given in found if given for u in given.site.upstreams)

    def remove(self) -> None:
        """Serve nobody. The sets stay: their addresses may still have requests."""
        (self.directory / LIVE).unlink(missing_ok=True)

    def _sets(self) -> list[Path]:
        return sorted(self.directory.glob("set-*"))

    def _next(self) -> int:
        return max((int(path.name[4:]) for path in self._sets()), default=0) + 1

    def _clean(self) -> None:
        for path in self._sets()[:-KEPT_SETS]:
            shutil.rmtree(path, ignore_errors=True)
        linked = {_link(path / FILES) for path in self._sets()}
        assets_of.clean(self.directory, linked)


def shares(read: tuple[str, ...], upstreams: tuple[Upstream, ...]) -> tuple[Upstream, ...]:
    """The upstreams with the shares that the slots really give them."""
    counted = [msgspec.structs.replace(u, share=read.count(u.address)) for u in upstreams]
    return tuple(upstream for upstream in counted if upstream.share)


def _make(directory: Path, given: Given) -> None:
    directory.mkdir()
    _write_slots(directory, slots(given.site.upstreams))
    (directory / FILES).symlink_to(assets_of.target(given.site.assets))
    (directory / SITE).write_bytes(msgspec.json.encode(given))


def _write_slots(directory: Path, addresses: tuple[str, ...]) -> None:
    """One file per address; further slots are links to it, which are ten times cheaper."""
    first: dict[str, Path] = {}
    for slot, address in enumerate(addresses):
        path = directory / f"{slot:02}"
        if address in first:
            path.hardlink_to(first[address])
        else:
            path.write_text(address + "\n")
            first[address] = path


def _swap(link: Path, target: str) -> None:
    spare = link.with_name(f"{link.name}-{os.getpid()}")
    spare.unlink(missing_ok=True)
    spare.symlink_to(target)
    spare.rename(link)


def _slots(directory: Path) -> tuple[str, ...]:
    """The slots' contents; a file with several names is read once."""
    read: dict[int, str] = {}
    try:
        with os.scandir(directory) as entries:
            found = sorted((e.name, e.inode()) for e in entries if e.name.isdigit())
        for name, inode in found:
            if inode not in read:
                read[inode] = (directory / name).read_text().removesuffix("\n")
        return tuple(read[inode] for _, inode in found)
    except (OSError, ValueError):
        return ()


def _link(path: Path) -> str:
    with contextlib.suppress(OSError):
        return str(path.readlink())
    return ""


def _read(path: Path) -> Given | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Given)
    except (OSError, msgspec.DecodeError):
        return None
