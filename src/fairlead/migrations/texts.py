"""What only the text of a migration shows, and squawk does not say.

These commands fire no event trigger (postgresql.org/docs/current/event-trigger-matrix.html), so no
trace has them; the locks are those of explicit-locking.html.
"""

import re
from collections.abc import Iterable, Iterator

from fairlead.checks.model import Finding, Level
from fairlead.migrations.model import Migration
from fairlead.migrations.statements import bare

_ALL_WAIT = "nobody can read or write the table meanwhile"
_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), rule, level, message, hint)
    for pattern, rule, level, message, hint in (
        (
            r"VACUUM\b.*\bFULL\b|CLUSTER\b",
            "whole-table",
            Level.ERROR,
            f"every row is written anew, and {_ALL_WAIT}",
            "leave it to autovacuum, or use pg_repack",
        ),
        (
            r"TRUNCATE\b",
            "truncate",
            Level.WARNING,
            "all rows are removed, and the release before may read them",
            "remove in small steps what no served release reads",
        ),
        (
            r"LOCK\b",
            "lock",
            Level.WARNING,
            "a table is locked until the migration's end",
            "let each statement take the lock it needs",
        ),
        (
            r"REFRESH MATERIALIZED VIEW (?!CONCURRENTLY)",
            "refresh",
            Level.WARNING,
            "nobody can read the view meanwhile",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY",
        ),
        (
            r"ALTER SYSTEM\b",
            "system",
            Level.ERROR,
            "the whole server is changed, not this app's database",
            "set it where the server is set up",
        ),
        (
            r"SET (SESSION |LOCAL )?session_replication_role\b",
            "triggers-off",
            Level.ERROR,
            "foreign keys and triggers are switched off meanwhile",
            "leave them on",
        ),
    )
)


def findings(migrations: Iterable[Migration]) -> list[Finding]:
    """What each statement is found out by."""
    return [finding for migration in migrations for finding in _each(migration)]


def _each(migration: Migration) -> Iterator[Finding]:
    for statement in migration.statements or ():
        sql = bare(statement.sql)
        for pattern, rule, level, message, hint in _RULES:
            if pattern.match(sql):
                yield Finding(
                    f"migrations.{rule}",
                    message,
                    level,
                    migration.path,
                    statement.line,
                    migration.name,
                    hint,
                )
