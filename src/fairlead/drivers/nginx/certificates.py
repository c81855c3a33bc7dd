"""Which certificate a site is served by: the owner's files, or one that this machine got."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from fairlead.drivers._certificates import Shelf
from fairlead.drivers.nginx.parts import EVERY
from fairlead.drivers.nginx.render import Chosen, certificate_in
from fairlead.rollout.ports import Site

Choose = Callable[[Site, str], Chosen | None]
"""The certificate for a site whose place has that file now."""


class Certificates:
    """Chooses among a shelf's, for sites that name no files of their own."""

    def __init__(self, shelf: Path) -> None:
        self._shelf = Shelf(shelf)

    def newest(self, site: Site, held: str) -> Chosen | None:
        """The best there is now."""
        if site.tls is None:
            return None
        if site.tls.certificate:
            return _owners(site)
        found = self._shelf.best(site.names)
        return (
            Chosen(found.chain, found.key, found.held.names, found.held.serial) if found else None
        )

    def named(self, site: Site, held: str) -> Chosen | None:
        """The one that the file names: what came since is no edit of it."""
        mark, chain = certificate_in(held)
        if site.tls is None or not chain:
            return None
        if site.tls.certificate:
            return Chosen(site.tls.certificate, site.tls.key, site.names or (EVERY,), mark)
        found = self._shelf.at(Path(chain))
        return Chosen(chain, found.key, found.held.names, found.held.serial) if found else None


def _owners(site: Site) -> Chosen | None:
    """The owner's files; the print is of what is in them, so that another content is seen."""
    if site.tls is None:
        return None
    print_ = hashlib.sha256()
    for path in (site.tls.certificate, site.tls.key):
        try:
            print_.update(Path(path).read_bytes())
        except OSError:
            print_.update(b"?")  # nginx says what is wrong with it
    names = site.names or (EVERY,)
    return Chosen(site.tls.certificate, site.tls.key, names, print_.hexdigest()[:16])
