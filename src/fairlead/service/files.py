"""Where releases lie on this machine: the rollout's ``Files`` port on the artifact store."""

import os
from pathlib import Path

from fairlead.artifact import flow as artifact
from fairlead.artifact.flow import Workshop, surroundings_of
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.checks.rules import in_tree
from fairlead.desired.model import Release
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Laid, Public
from fairlead.service.ports import Machine, Notes


class PlaceFiles:
    """Lays releases out in one home."""

    def __init__(self, home: Home, shop: Workshop, notes: Notes, machine: Machine) -> None:
        self._home = home
        self._shop = shop
        self._notes = notes
        self._machine = machine

    def lay_out(self, place: Place, release: Release) -> None:
        """The place's directories, and the artifact: built again where it is missing."""
        for directory in (self._home.data(place), self._home.backups(place)):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for target in self._state(place, release).values():
            Path(target).mkdir(mode=0o700, exist_ok=True)
        if self._shop.store.get(release.artifact.digest) is None:
            self.restore(release)
        self._tree(place, release)
        surroundings_of(self._shop, release.artifact)

    def _state(self, place: Place, release: Release) -> dict[str, str]:
        """What outlives releases: path in the tree to the directory it is."""
        data = self._home.data(place)
        return {path: str(data / name) for name, path in release.manifest.state}

    def _tree(self, place: Place, release: Release) -> Path:
        """The tree that the release's processes see at this place."""
        digest, state = release.artifact.digest, self._state(place, release)
        if not state:
            return self._shop.store.tree(digest)
        return self._shop.store.stand(digest, f"{place.app}.{place.environment}", state)

    def laid(self, place: Place, release: Release) -> Laid:
        """Where they are. Raises NotFound when the dependencies are gone."""
        tree = self._tree(place, release)
        around = surroundings_of(self._shop, release.artifact)
        assets = release.manifest.build.assets
        return Laid(
            tree=str(tree),
            data=str(self._home.data(place)),
            variables=tuple(sorted(in_tree(around, str(tree)).items())),
            assets=str(tree / assets.directory) if assets else "",
        )

    def damaged(self, release: Release) -> tuple[str, ...]:
        """Paths that are not what was built; quick."""
        return artifact.damaged(self._shop, release.artifact)

    def restore(self, release: Release) -> tuple[str, ...]:
        """Build it again from its commit and put back what differs; the paths that did."""
        repository = self._home.repository(release.app)
        return artifact.restore(
            self._shop, release.artifact, release.manifest, repository, _unheard
        )

    def address(self, place: Place, copy: CopyId, by_port: bool, for_role: bool = False) -> str:
        """A socket of the copy's own, a free port, or on a server the role's socket."""
        if for_role and self._home.server:
            return f"unix/{self._home.role_socket(place, copy.role)}"
        if by_port:
            return self._machine.copy_listen(f"{self._home.root} {place} {copy}")
        return f"unix/{self._home.copy_socket(place, *copy)}"

    def listen(self, place: Place) -> str:
        """The address the place was given; ``give_listen`` comes first."""
        return self._notes.listen(str(place))

    def public(self) -> Public | None:
        """Ports 80 and 443, which only root can have."""
        return Public() if self._home.server else None

    def move(self, place: Place, release: Release) -> None:
        """Give the place another address, unless its manifest names the one it has."""
        environment = release.manifest.environment(place.environment)
        if environment is None or not environment.listen:
            fresh = self._machine.free_listen(self._notes.listens())
            self._notes.put_listen(str(place), fresh)

    def log(self, place: Place, name: str) -> str:
        """A log file, its directory made."""
        path: Path = self._home.log(place, name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(path)

    def said(self, place: Place, name: str) -> str:
        """The end of a log, as text; "" where there is none."""
        try:
            with self._home.log(place, name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TOLD))
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def backups(self, place: Place) -> str:
        """The directory of the place's backups."""
        return str(self._home.backups(place))


_TOLD = 8192  # bytes: a traceback and what comes before it


def _unheard(line: str) -> None:
    """A rebuild's output goes to its log only."""


def give_listen(notes: Notes, machine: Machine, place: Place, wanted: str) -> str:
    """The place's proxy address: what its manifest says, or a free one, picked once."""
    given = notes.listen(str(place))
    if wanted and given != wanted:
        notes.put_listen(str(place), wanted)
    elif not given:
        notes.put_listen(str(place), machine.free_listen(notes.listens()))
    return notes.listen(str(place))
