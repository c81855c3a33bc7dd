"""GitHub ("REST API endpoints for commit statuses", "… for issue comments", "… for users")."""

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

STATES = {
    None: "pending",
    Answer.PASSED: "success",
    Answer.NOT_APPLICABLE: "success",
    Answer.FAILED: "failure",
    Answer.NOT_KNOWN: "error",
}


class GitHub:
    """A repository on GitHub."""

    NAME = "GitHub"

    def __init__(self, api: Api, at: ForgeAt) -> None:
        self._api = api
        self._repository = f"/repos/{quote(at.repository)}"

    @staticmethod
    def header(token: Secret) -> Header:
        """How the token is sent."""
        return Header("Authorization", Secret(f"Bearer {token.reveal()}"))

    def show(
        self, commit: CommitId, name: str, answer: Answer | None, sentence: str, url: str
    ) -> None:
        """A status is added; of one context the newest counts."""
        body = {"state": STATES[answer], "context": name, "description": sentence}
        if url:
            body["target_url"] = url
        self._api.ask("POST", f"{self._repository}/statuses/{commit}", body)

    def me(self) -> str:
        """An app's token (that of Actions is one) may not ask that."""
        try:
            return named(self._api.ask("GET", "/user"), "id")
        except NotAllowed:
            return ""

    def comments(self, request: str) -> Iterator[Comment]:
        """A pull request is an issue, too."""
        for one in self._api.pages(f"{self._repository}/issues/{request}/comments?per_page=100"):
            author = one.get("user") if isinstance(one, dict) else None
            machine = text_of(author, "type") == "Bot"
            yield Comment(named(one, "id"), named(author, "id"), text_of(one, "body"), machine)

    def add(self, request: str, text: str) -> None:
        """See ``Comments``."""
        path = f"{self._repository}/issues/{request}/comments"
        self._api.ask("POST", path, {"body": text}, again=False)

    def change(self, request: str, comment: str, text: str) -> None:
        """See ``Comments``."""
        self._api.ask("PATCH", f"{self._repository}/issues/comments/{comment}", {"body": text})
