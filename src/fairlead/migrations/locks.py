"""What a migration would keep users waiting for, judged from the locks it was seen to hold.

The idea of tracing each statement on a throw-away server is eugene's
(github.com/kaaveland/eugene). Which lock keeps out whom is
postgresql.org/docs/current/explicit-locking.html. How long a lock is held grows with the table, and
a throw-away server has none of its rows: where nobody says how many there are, they are many.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from fairlead.checks.model import Finding, Level
from fairlead.migrations.model import Migration, Traced
from fairlead.migrations.statements import bare

LARGE = 100_000
"""Rows from which on reading or writing a whole table takes longer than a request may wait."""

KEEPS_OUT_WRITERS = frozenset({"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock"})
KEEPS_OUT_ALL = "AccessExclusiveLock"
_INDEX_HINT = (
    "build it with CREATE INDEX CONCURRENTLY, outside a transaction (Django: AddIndexConcurrently "
    "and atomic = False; Alembic: postgresql_concurrently and autocommit_block)"
)
_REWRITE_HINT = "add a new column, fill it in small steps, and switch to it in a later release"
_SCAN_HINT = "add it NOT VALID, and VALIDATE CONSTRAINT in a later transaction"
_HELD_HINT = "make it a migration of its own, in a transaction of its own"


def findings(
    traced: Iterable[Traced], migrations: Iterable[Migration], rows: Mapping[str, int]
) -> list[Finding]:
    """What the locks mean for tables of ``rows`` (by name; left out: not known)."""
    added = tuple(migrations)
    every = tuple(traced)
    # What rewrites a table builds its indexes anew too: that is said once.
    anew = {(one.transaction, one.relation, one.statement) for one in every if one.rewritten}
    found: dict[tuple[str, str], Finding] = {}
    for one in every:
        again = (one.transaction, one.relation, one.statement) in anew and not one.rewritten
        if again or rows.get(one.relation, LARGE) < LARGE:
            continue
        path, line = place(one, added)
        for rule, level, message, hint in _judged(one):
            finding = Finding(f"migrations.{rule}", message, level, path, line, one.relation, hint)
            found.setdefault((rule, one.relation), finding)
    return list(found.values())


def placed(found: Iterable[Finding], migrations: Iterable[Migration]) -> tuple[Finding, ...]:
    """Findings about a table or column, each with the first statement that names it."""
    added = tuple(migrations)
    return tuple(one if one.path else _placed(one, added) for one in found)


def _placed(one: Finding, migrations: tuple[Migration, ...]) -> Finding:
    words = [re.compile(rf"\b{re.escape(word)}\b") for word in one.subject.split(".")]
    for migration in migrations:
        for statement in migration.statements or ():
            if all(word.search(statement.sql) for word in words):
                return msgspec.structs.replace(one, path=migration.path, line=statement.line)
    return one


def place(one: Traced, migrations: Iterable[Migration]) -> tuple[str, int]:
    """The file and line a traced statement comes from; ("", 0) where that is not clear."""
    said = bare(one.statement).rstrip(";")
    every = [
        (migration.path, statement.line, bare(statement.sql).rstrip(";"))
        for migration in migrations
        for statement in migration.statements or ()
    ]
    name = re.escape(one.relation.rsplit(".", 1)[-1])
    near = re.compile(rf"{one.tag}\b.*\b{name}\b", re.IGNORECASE)
    for candidates in (
        [(path, line) for path, line, sql in every if sql == said],
        [(path, line) for path, line, sql in every if near.match(sql)],
    ):
        if len(candidates) == 1:
            return candidates[0]
    return "", 0


def _judged(one: Traced) -> Iterator[tuple[str, Level, str, str]]:
    name, modes = one.relation, set(one.modes)
    who = "read or write" if KEEPS_OUT_ALL in modes else "write to"
    if one.rewritten:
        message = f"every row of {name} is written anew while nobody can read or write it"
        yield "rewrite", Level.ERROR, message, _REWRITE_HINT
    elif one.scans and _builds_index(one):
        message = f"an index is built on {name} while nobody can {who} it"
        yield "index-lock", Level.ERROR, message, _INDEX_HINT
    elif one.scans and modes & {KEEPS_OUT_ALL, *KEEPS_OUT_WRITERS}:
        message = f"{name} is read from end to end while nobody can {who} it"
        yield "scan", Level.WARNING, message, _SCAN_HINT
    if one.scans and KEEPS_OUT_ALL in one.held:
        message = f"{name} stays locked for everybody while a later statement reads all of it"
        yield "held", Level.WARNING, message, _HELD_HINT


def _builds_index(one: Traced) -> bool:
    """An index, or that of UNIQUE, PRIMARY KEY or EXCLUDE: all take SHARE on the table."""
    fresh = set(one.modes) - set(one.held)
    return "ShareLock" in fresh or (one.tag == "CREATE INDEX" and "ShareLock" in one.modes)
