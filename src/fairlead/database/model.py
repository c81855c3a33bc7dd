"""What is asked for of a database, and what is seen of one."""

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """A database and the one role that owns it. ``note`` is the comment both carry, by which what
    Fairlead made is told from what it did not."""

    role: str
    database: str
    note: str


class DatabaseSeen(msgspec.Struct, frozen=True):
    """A database as its own role sees it: never with a password.

    ``at`` is its server (``127.0.0.1:5432``) or the file's path. ``connections`` are those of all
    who are connected but the one who looks; ``most`` is how many its role may have (-1: as many
    as it likes). The empty fields are a SQLite file's.
    """

    kind: str
    name: str
    at: str
    bytes: int
    role: str = ""
    version: str = ""
    connections: int = 0
    most: int = -1
