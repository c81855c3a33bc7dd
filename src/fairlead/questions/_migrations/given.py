"""What the question is told besides the manifest: the release before, and where to try it."""

from typing import Any

import msgspec

from fairlead.base.errors import Unknown


class Side(msgspec.Struct, frozen=True):
    """A release's code: its tree, what its commands run with, and its commands.

    ``until`` is when a supported release ends (RFC 3339 date, "" for not said).
    """

    tree: str
    release: int = 0
    commit: str = ""
    environment: dict[str, str] = {}
    migrate: str = ""
    tests: str = ""
    smoke: tuple[str, ...] = ()
    until: str = ""


class Given(msgspec.Struct, frozen=True):
    """``server`` is the URL of a throw-away PostgreSQL's maintenance database, on which one is
    superuser; ``sqlite``: the app keeps its data in SQLite instead. ``before`` is the release in
    production, None before the first. ``supported`` are others that are still served. ``rows`` says
    how many rows tables have in production. ``limit`` is in seconds, for one command."""

    server: str = ""
    sqlite: bool = False
    before: Side | None = None
    environment: dict[str, str] = {}
    migrate: str = ""
    files: tuple[str, ...] = ()
    supported: tuple[Side, ...] = ()
    rows: dict[str, int] = {}
    limit: float = 300.0


def read(given: dict[str, Any]) -> Given:
    """What was given. Raises Unknown where it is of another form."""
    lent = given.get("services", {}).get("DATABASE_URL", "")
    if lent.startswith("postgres"):
        given = {"server": lent} | given
    try:
        return msgspec.convert(given, Given)
    except msgspec.ValidationError as error:
        raise Unknown(f"what the question was given is not of its form: {error}") from None
