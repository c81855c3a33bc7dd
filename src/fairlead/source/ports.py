"""What pulling needs of the world."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from fairlead.base.ids import CommitId
from fairlead.base.secret import Secret
from fairlead.source.model import Address, Reach, Source


class Sources(Protocol):
    """The sources of a home's apps, their deploy keys and the tokens for their forges."""

    def all(self) -> tuple[Source, ...]:
        """Each of them, by its app's name."""
        ...

    def get(self, app: str) -> Source | None:
        """The app's; None for one that is only pushed to."""
        ...

    def put(self, source: Source) -> None:
        """Durable before it returns."""
        ...

    def remove(self, app: str) -> None:
        """Forget it, its deploy key and its token."""
        ...

    def held(self, app: str, patience: float) -> AbstractContextManager[None]:
        """Nobody else changes or pulls it meanwhile. Waits ``patience`` seconds, then raises
        Busy."""
        ...

    def make_key(self, app: str) -> str:
        """Give the app a new deploy key in the place of another; its public half."""
        ...

    def take_key(self, app: str, file: Path) -> str:
        """The same with the private key in a file. Raises NotFound, Refused."""
        ...

    def key(self, app: str) -> Secret | None:
        """The private half; None for none."""
        ...

    def token_in(self, file: Path) -> Secret:
        """The token that a file holds. Raises NotFound, and Refused for what can be none."""
        ...

    def put_token(self, app: str, token: Secret | None) -> None:
        """Keep the app's token in the place of another; None forgets it."""
        ...

    def token(self, app: str) -> Secret | None:
        """The token for the forge of the app's source; None for none."""
        ...


class Upstream(Protocol):
    """Git repositories elsewhere. Every call has a time limit and raises Unknown past it, and
    where no answer came; Refused where the host's key is not a pinned one."""

    def host_keys(self, repository: Path, address: Address) -> tuple[str, ...]:
        """The key that the host shows now; () where it does not answer."""
        ...

    def heads(
        self, repository: Path, reach: Reach, branches: Sequence[str]
    ) -> Mapping[str, CommitId]:
        """Where these branches are there; one that is not there is left out."""
        ...

    def fetched(
        self, repository: Path, reach: Reach, branches: Sequence[str]
    ) -> AbstractContextManager[Mapping[str, str]]:
        """These branches' commits in quarantine, which is gone at the end; the variables that
        lead there (see ``Repositories.receiving``). Raises Refused for more than is taken."""
        ...

    def take_in(self, repository: Path, quarantine: Mapping[str, str], commit: CommitId) -> None:
        """Let the repository have a commit that lies in quarantine, with all it is made of."""
        ...
