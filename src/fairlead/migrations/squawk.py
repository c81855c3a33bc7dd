"""What squawk says of SQL text, as our findings. squawkhq.com/docs/rules; JSON of squawk 2.70.

Its lines count from 0. What running the migrations shows better (``SHOWN``) is taken from squawk
only where they were not run. Its rules on style (prefer-*, require-*-timeout, ban-char-field) say
nothing about a release and are left out.
"""

from collections.abc import Mapping, Sequence

import msgspec

from fairlead.checks.model import Finding, Level
from fairlead.migrations.model import Migration

# What old code may miss, and locks: the catalogs, the trace and the tests say it with evidence.
SHOWN = {
    "adding-field-with-default": Level.ERROR,
    "adding-foreign-key-constraint": Level.WARNING,
    "adding-not-nullable-field": Level.WARNING,
    "adding-required-field": Level.ERROR,
    "adding-serial-primary-key-field": Level.ERROR,
    "ban-drop-column": Level.ERROR,
    "ban-drop-function": Level.ERROR,
    "ban-drop-schema": Level.ERROR,
    "ban-drop-table": Level.ERROR,
    "ban-drop-type": Level.ERROR,
    "ban-drop-view": Level.ERROR,
    "ban-drop-default": Level.WARNING,
    "ban-new-write-restriction": Level.ERROR,
    "changing-column-type": Level.ERROR,
    "constraint-missing-not-valid": Level.WARNING,
    "disallowed-unique-constraint": Level.ERROR,
    "renaming-column": Level.ERROR,
    "renaming-object": Level.ERROR,
    "renaming-table": Level.ERROR,
    "require-concurrent-index-creation": Level.ERROR,
    "ban-concurrent-index-creation-in-transaction": Level.ERROR,
    "ban-uncommitted-transaction": Level.ERROR,
    "transaction-nesting": Level.WARNING,
    "syntax-error": Level.WARNING,
}
# What a trace of DDL and the catalogs do not show.
ONLY_TEXT = {
    "ban-create-domain-with-constraint": Level.WARNING,
    "ban-alter-domain-with-add-constraint": Level.WARNING,
    "ban-disable-trigger": Level.WARNING,
    "ban-drop-database": Level.ERROR,
    "ban-drop-extension": Level.ERROR,
    "ban-drop-sequence": Level.WARNING,
    "ban-drop-trigger": Level.WARNING,
    "ban-replica-identity": Level.WARNING,
    "ban-revoke": Level.WARNING,
    "ban-set-schema": Level.ERROR,
    "ban-truncate-cascade": Level.ERROR,
    "require-concurrent-index-deletion": Level.WARNING,
    "require-concurrent-partition-detach": Level.WARNING,
    "require-concurrent-reindex": Level.ERROR,
}


class Said(msgspec.Struct, frozen=True):
    """One violation, as squawk writes it (``--reporter json``)."""

    file: str
    line: int
    rule_name: str
    message: str
    help: str | None = None


def said(text: bytes) -> tuple[Said, ...]:
    """What squawk wrote. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=tuple[Said, ...])


def findings(
    violations: Sequence[Said], files: Mapping[str, Migration], tried: bool
) -> list[Finding]:
    """Our findings; ``files`` are the migrations by the names squawk was given."""
    levels = ONLY_TEXT if tried else SHOWN | ONLY_TEXT
    return [
        _finding(one, files[one.file], levels[one.rule_name])
        for one in violations
        if one.rule_name in levels and one.file in files
    ]


def wanted() -> tuple[str, ...]:
    """The rules to ask for: some are left out unless they are named. An error of syntax always
    is said."""
    return tuple(sorted((SHOWN | ONLY_TEXT).keys() - {"syntax-error"}))


def text(migration: Migration) -> tuple[str, tuple[int, ...]]:
    """A migration's SQL as squawk gets it, and of each of its lines the line in its file."""
    lines: list[str] = []
    origins: list[int] = []
    for statement in migration.statements or ():
        parts = f"{statement.sql.rstrip().rstrip(';')};".split("\n")
        lines += parts
        origins += _own_lines(migration, statement.line, len(parts))
    return "\n".join(lines) + "\n", tuple(origins)


def _own_lines(migration: Migration, line: int, count: int) -> list[int]:
    """In a file of SQL each line has its own; in a program all are where the operation is."""
    step = 1 if migration.path.endswith(".sql") else 0
    return [line + step * number if line else 0 for number in range(count)]


def _finding(one: Said, migration: Migration, level: Level) -> Finding:
    _, origins = text(migration)
    line = origins[one.line] if one.line < len(origins) else 0
    return Finding(
        f"migrations.{one.rule_name}",
        one.message,
        level,
        migration.path,
        line,
        migration.name,
        one.help or f"see squawkhq.com/docs/{one.rule_name}",
    )
