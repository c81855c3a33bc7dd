"""GitLab ("Commits API: set commit pipeline status", "Notes API", "Users API")."""

from collections.abc import Iterator
from urllib.parse import quote

from fairlead.base.errors import Busy, FairleadError, NotAllowed, NotFound, Unknown
from fairlead.base.ids import CommitId
from fairlead.base.secret import Secret
from fairlead.checks.model import Answer
from fairlead.checks.ports import ForgeAt
from fairlead.drivers.forges._read import named, text_of
from fairlead.drivers.forges.api import Api, Header
from fairlead.drivers.forges.comments import Comment

# It has no word for not known: failed, and the sentence says so.
_STATES = {
    None: "running",
    Answer.PASSED: "success",
    Answer.NOT_APPLICABLE: "success",
    Answer.FAILED: "failed",
    Answer.NOT_KNOWN: "failed",
}


class GitLab:
    """A project on GitLab."""

    NAME = "GitLab"

    def __init__(self, api: Api, at: ForgeAt) -> None:
        self._api = api
        self._project = f"/projects/{quote(at.repository, safe='')}"

    @staticmethod
    def header(token: Secret) -> Header:
        """How the token is sent."""
        return Header("PRIVATE-TOKEN", token)

    def show(
        self, commit: CommitId, name: str, answer: Answer | None, sentence: str, url: str
    ) -> None:
        """A status moves on from the one before: the same one again is refused (400)."""
        body = {"state": _STATES[answer], "name": name, "description": sentence}
        if url:
            body["target_url"] = url
        try:
            self._api.ask("POST", f"{self._project}/statuses/{commit}", body)
        except (Busy, NotAllowed, NotFound, Unknown):
            raise
        except FairleadError:
            if self._stands(commit, name) != _STATES[answer]:
                raise

    def _stands(self, commit: CommitId, name: str) -> str:
        path = f"{self._project}/repository/commits/{commit}/statuses?name={quote(name, safe='')}"
        return next((text_of(one, "status") for one in self._api.pages(path)), "")

    def me(self) -> str:
        """See ``Comments``."""
        return named(self._api.ask("GET", "/user"), "id")

    def comments(self, request: str) -> Iterator[Comment]:
        """What people wrote, and not what GitLab notes by itself."""
        path = f"{self._notes(request)}?sort=asc&order_by=created_at&per_page=100"
        for one in self._api.pages(path):
            if isinstance(one, dict) and not one.get("system"):
                author = named(one.get("author"), "id")
                yield Comment(named(one, "id"), author, text_of(one, "body"))

    def add(self, request: str, text: str) -> None:
        """See ``Comments``."""
        self._api.ask("POST", self._notes(request), {"body": text}, again=False)

    def change(self, request: str, comment: str, text: str) -> None:
        """See ``Comments``."""
        self._api.ask("PUT", f"{self._notes(request)}/{comment}", {"body": text})

    def _notes(self, request: str) -> str:
        return f"{self._project}/merge_requests/{request}/notes"
