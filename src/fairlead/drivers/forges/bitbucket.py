"""Bitbucket Cloud ("Commit statuses" and "Pullrequests" of its REST API 2.0)."""

import hashlib
from collections.abc import Iterator
from urllib.parse import quote

from fairlead.base.errors import NotAllowed
from fairlead.base.ids import CommitId
from fairlead.base.secret import Secret
from fairlead.checks.model import Answer
from fairlead.checks.ports import ForgeAt
from fairlead.drivers.forges._read import named, text_of
from fairlead.drivers.forges.api import Api, Header
from fairlead.drivers.forges.comments import Comment

# It has no word for not known: FAILED, and the sentence says so.
_STATES = {
    None: "INPROGRESS",
    Answer.PASSED: "SUCCESSFUL",
    Answer.NOT_APPLICABLE: "SUCCESSFUL",
    Answer.FAILED: "FAILED",
    Answer.NOT_KNOWN: "FAILED",
}
_KEY = 40  # characters that a status's key may have


class Bitbucket:
    """A repository on Bitbucket, as ``workspace/slug``."""

    NAME = "Bitbucket"

    def __init__(self, api: Api, at: ForgeAt) -> None:
        self._api = api
        self._page = f"https://bitbucket.org/{quote(at.repository)}"
        self._repository = f"/repositories/{quote(at.repository)}"

    @staticmethod
    def header(token: Secret) -> Header:
        """How an access token is sent."""
        return Header("Authorization", Secret(f"Bearer {token.reveal()}"))

    def show(
        self, commit: CommitId, name: str, answer: Answer | None, sentence: str, url: str
    ) -> None:
        """A status has to lead somewhere: to the commit, where nothing better is known."""
        short = name if len(name) <= _KEY else hashlib.sha256(name.encode()).hexdigest()[:_KEY]
        body = {
            "key": short,
            "state": _STATES[answer],
            "name": name,
            "description": sentence,
            "url": url or f"{self._page}/commits/{commit}",
        }
        self._api.ask("POST", f"{self._repository}/commit/{commit}/statuses/build", body)

    def me(self) -> str:
        """A repository's access token may not ask that: it speaks for an app user of its own."""
        try:
            return named(self._api.ask("GET", "/user"), "uuid")
        except NotAllowed:
            return ""

    def comments(self, request: str) -> Iterator[Comment]:
        """Those that were not deleted."""
        for one in self._api.pages(f"{self._comments(request)}?pagelen=100"):
            if isinstance(one, dict) and not one.get("deleted"):
                user, text = one.get("user"), text_of(one.get("content"), "raw")
                machine = text_of(user, "type") == "app_user"
                yield Comment(named(one, "id"), named(user, "uuid"), text, machine)

    def add(self, request: str, text: str) -> None:
        """See ``Comments``."""
        self._api.ask("POST", self._comments(request), {"content": {"raw": text}}, again=False)

    def change(self, request: str, comment: str, text: str) -> None:
        """See ``Comments``."""
        path = f"{self._comments(request)}/{comment}"
        self._api.ask("PUT", path, {"content": {"raw": text}})

    def _comments(self, request: str) -> str:
        return f"{self._repository}/pullrequests/{request}/comments"
