"""Forgejo and Gitea (their OpenAPI document: "repoCreateStatus", "issueGetComments", …).

The paths are GitHub's, below ``/api/v1``. A status has the same states; the comments of an issue
come in one answer; the token has a scheme of its own.
"""

from fairlead.base.secret import Secret
from fairlead.drivers.forges._read import named
from fairlead.drivers.forges.api import Header
from fairlead.drivers.forges.github import GitHub


class Forgejo(GitHub):
    """A repository on a Forgejo or Gitea."""

    NAME = "Forgejo"

    @staticmethod
    def header(token: Secret) -> Header:
        """How the token is sent."""
        return Header("Authorization", Secret(f"token {token.reveal()}"))

    def me(self) -> str:
        """The token must be allowed to read its own user: nothing tells an app's comment here."""
        return named(self._api.ask("GET", "/user"), "id")
