"""PostgreSQL's own programs, told where to go by their environment: a URL is never an argument.

What they say is passed on without the password
(postgresql.org/docs/current/libpq-envars.html).
"""

import os
import shutil
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence

from fairlead.base.errors import FairleadError, UsageError

SCHEMES = ("postgres", "postgresql", "postgis")
CONNECT = "10"
"""Seconds after which a server that does not answer is given up, unless the URL says another."""

_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "options": "PGOPTIONS",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}
_MOST_SAID = 500


class Client:
    """Runs PostgreSQL's programs against one database. ``user``: as another user of this system,
    which only root may."""

    def __init__(self, environment: Mapping[str, str], user: str = "") -> None:
        self.environment = {"PGCONNECT_TIMEOUT": CONNECT, **environment}
        self.database = environment.get("PGDATABASE", "")
        self._user = user or None

    def run(self, argv: Sequence[str], given: str = "") -> "subprocess.CompletedProcess[bytes]":
        """One of them to its end; ``given`` is its standard input."""
        return subprocess.run(
            argv,
            input=given.encode(),
            capture_output=True,
            env=self.environment,
            cwd="/",
            user=self._user,
            group=self._user,
            extra_groups=() if self._user else None,
            check=False,
        )

    def within(self, database: str) -> "Client":
        """The same, in another database of the server."""
        return Client({**self.environment, "PGDATABASE": database}, self._user or "")

    def query(self, sql: str) -> list[list[str]]:
        """The rows that SQL gives, as text. It goes in by standard input, for it may be secret.

        Raises FairleadError with the server's words.
        """
        flags = ("-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", "-f", "-")
        ran = self.run((program("psql"), *flags), sql)
        if ran.returncode:
            said = self.words(ran.stderr)
            raise FairleadError(f"PostgreSQL said no: {said}", "see its words, and its log")
        return [line.split("\x1f") for line in ran.stdout.decode().splitlines()]

    def words(self, said: bytes) -> str:
        """What a program said, in a line, without the password."""
        text = " ".join(said.decode("utf-8", "replace").split())[-_MOST_SAID:]
        password = self.environment.get("PGPASSWORD", "")
        return text.replace(password, "…") if password else text


def variables(url: str) -> dict[str, str]:
    """libpq's variables for a connection URI (libpq-connect: Connection URIs), PATH and HOME.

    Raises UsageError, which shows nothing of the URL but a parameter's name.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(
            "not the URL of a PostgreSQL database", "postgres://user@host/name"
        ) from None
    given = {
        "PGHOST": urllib.parse.unquote(parts.hostname or ""),
        "PGPORT": str(port or ""),
        "PGUSER": urllib.parse.unquote(parts.username or ""),
        "PGPASSWORD": urllib.parse.unquote(parts.password or ""),
        "PGDATABASE": urllib.parse.unquote(parts.path.lstrip("/")),
    }
    for key, value in urllib.parse.parse_qsl(parts.query):
        if key not in _VARIABLES:
            known = ", ".join(sorted(_VARIABLES))
            raise UsageError(
                f"the database's URL has a parameter not known here: {key}", f"known: {known}"
            )
        given[_VARIABLES[key]] = value
    return {**plain_environment(), **{key: value for key, value in given.items() if value}}


def plain_environment() -> dict[str, str]:
    """What such a program needs of ours. Its messages are in English: none is translated."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"}


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs. Raises FairleadError."""
    found = shutil.which(name)
    if found is None:
        raise FairleadError(f"PostgreSQL needs {name}", "apt install postgresql-client")
    return found


def workers() -> int:
    """How many of the machine's processors a dump may use."""
    return max(1, min(4, len(os.sched_getaffinity(0))))


def is_url(url: str) -> bool:
    """Whether it is a PostgreSQL database's."""
    return url.partition(":")[0] in SCHEMES
