"""Migrations that are files of SQL, run in the order of their names."""

import re
from pathlib import Path

from fairlead.migrations import statements
from fairlead.migrations.model import Migration, Statement

# What dbmate, goose, sql-migrate and Rambler write between the way up and the way down.
_UP = re.compile(r"^--\s*(?:migrate:up|\+goose Up|\+migrate Up|rambler up).*$", re.M | re.I)
_DOWN = re.compile(r"^--\s*(?:migrate:down|\+goose Down|\+migrate Down|rambler down)", re.M | re.I)
_ALONE = re.compile(r"NO TRANSACTION|transaction:\s*false|notransaction", re.IGNORECASE)
_BEGIN = re.compile(r"^(BEGIN|START TRANSACTION)\b", re.IGNORECASE)


def read(tree: str, paths: tuple[str, ...]) -> tuple[Migration, ...]:
    """The migrations in ``paths``."""
    return tuple(_migration(path, Path(tree, path).read_text("utf-8", "replace")) for path in paths)


def _migration(path: str, text: str) -> Migration:
    down = _DOWN.search(text)
    up = _UP.search(text)
    start = up.end() if up else 0
    end = down.start() if down and down.start() > start else len(text)
    first = text.count("\n", 0, start)
    found = tuple(
        Statement(one.sql, one.line + first) for one in statements.statements(text[start:end])
    )
    # Which tool runs them is not known: they share a transaction where they say so.
    atomic = any(_BEGIN.match(one.sql) for one in found) and not _ALONE.search(text)
    undone = bool(down and statements.statements(text[down.start() :])) if up else None
    return Migration(Path(path).stem, path, found, reversible=undone, atomic=atomic)
