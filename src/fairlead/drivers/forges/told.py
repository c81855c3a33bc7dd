"""The port Forge over any dialect: what went wrong is a sentence, never an error."""

from collections.abc import Callable
from typing import Protocol

from fairlead.base.errors import FairleadError
from fairlead.base.ids import CommitId
from fairlead.base.text import printable
from fairlead.checks.model import Answer
from fairlead.checks.ports import Sent
from fairlead.drivers.forges.comments import Comments, put

_LONGEST = 140
"""Characters of a status's sentence; the forge that takes least (GitHub) takes 140."""


class Dialect(Comments, Protocol):
    """One forge's way to say it."""

    def show(
        self, commit: CommitId, name: str, answer: Answer | None, sentence: str, url: str
    ) -> None:
        """Set the status. Raises what ``Api.ask`` does."""
        ...


class Told:
    """A forge, by the name people know it by."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self._name = name
        self._dialect = dialect

    def status(
        self, commit: CommitId, name: str, answer: Answer | None, sentence: str, url: str = ""
    ) -> Sent:
        """See ``Forge``."""
        said = printable(sentence.replace("\n", " "))
        short = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"

        def show() -> str:
            self._dialect.show(commit, name, answer, short, url)
            return str(answer or "under way")

        return self._sent(f"{name} at {commit[:12]}", show)

    def comment(self, request: str, name: str, text: str) -> Sent:
        """See ``Forge``."""
        if not (request.isascii() and request.isdigit()):
            return Sent(False, f"{self._name}: not the number of a change request: {request!r}")
        where = f"comment on {request}"
        return self._sent(where, lambda: put(self._dialect, request, name, text))

    def _sent(self, what: str, say: Callable[[], str]) -> Sent:
        try:
            return Sent(True, f"{self._name}: {what}: {say()}")
        except FairleadError as error:
            hint = f" (next: {error.hint})" if error.hint else ""
            return Sent(False, f"{self._name} could not be told: {what}: {error.what}{hint}")
