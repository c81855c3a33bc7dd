"""Releases by number, verified once and then remembered: they never change."""

from fairlead.base.errors import NotFound
from fairlead.desired import read
from fairlead.desired.flow import Deploy
from fairlead.desired.model import Release


class KnownReleases:
    """The rollout's ``Releases`` port on the deploy repo."""

    def __init__(self, deploy: Deploy) -> None:
        self._deploy = deploy
        self._known: dict[tuple[str, int], Release] = {}

    def get(self, app: str, number: int) -> Release | None:
        """The release, or None when there is none. Raises Refused when it does not verify."""
        if (app, number) not in self._known:
            look = self._deploy.repo.look()
            try:
                found = read.release(look, self._deploy.verifier, app, number)
            except NotFound:
                return None
            self._known[app, number] = found
        return self._known[app, number]
