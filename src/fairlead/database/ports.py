"""What making a database needs of the world."""

from typing import Protocol

from fairlead.base.secret import Secret
from fairlead.database.model import Asked, DatabaseSeen


class Databases(Protocol):
    """PostgreSQL, on this machine or elsewhere; and files of SQLite, to look at."""

    def here(self) -> bool:
        """Whether there is a PostgreSQL on this machine that we may make databases in."""
        ...

    def make(self, asked: Asked, admin: Secret | None) -> Secret:
        """Make the role, which may log in and nothing else, and the database it owns, which
        nobody else may enter; the URL that the role reaches it by, with a fresh password. It was
        tried. What of it is there already, and ours, is kept: only its password is another.

        ``admin`` is the URL of somebody who may do so; None: this machine's own server. Raises
        Refused for a role or database of that name that is not ours, NotFound where there is no
        server here, FairleadError with the server's words.
        """
        ...

    def seen(self, url: Secret) -> DatabaseSeen:
        """A database as whoever the URL names sees it. Raises FairleadError, UsageError."""
        ...
