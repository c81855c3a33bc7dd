"""SQL cut into statements, and what kind each one is.

Cut as PostgreSQL reads it (postgresql.org/docs/current/sql-syntax-lexical.html): quotes, dollar
quotes, nested comments. A statement's kind is read from its first words, for a person and for the
planner; whether older code works with it is tried, not read.
"""

import re
from collections.abc import Iterator

from fairlead.migrations.model import Kind, Migration, Statement

_TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*)
  | (?P<open>/\*)
  | (?P<string>(?<![A-Za-z0-9_])[eE]'(?:[^'\\]|\\.|'')*'?|'(?:[^']|'')*'?)
  | (?P<name>"(?:[^"]|"")*"?)
  | (?P<dollar>(?<![A-Za-z0-9_])\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$)
  | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_SPACE = re.compile(r"\s+")


def statements(text: str) -> tuple[Statement, ...]:
    """The statements of SQL text with the line each begins on, counted from 1."""
    found = []
    start = 0
    for end in (*_ends(text), len(text)):
        piece = text[start:end]
        if bare(piece):
            lead = len(piece) - len(_led(piece))
            found.append(Statement(piece[lead:].strip(), text.count("\n", 0, start + lead) + 1))
        start = end + 1
    return tuple(found)


def bare(sql: str) -> str:
    """SQL on one line without its comments, and with nothing left in its strings."""
    out: list[str] = []
    at = 0
    for kind, begin, end in _tokens(sql):
        out.append(sql[at:begin])
        if kind in ("string", "dollar"):
            out.append("''")
        elif kind in ("name", "end"):
            out.append(sql[begin:end])
        else:
            out.append(" ")
        at = end
    return _SPACE.sub(" ", "".join(out) + sql[at:]).strip()


def _ends(text: str) -> Iterator[int]:
    return (begin for kind, begin, _ in _tokens(text) if kind == "end")


def _led(piece: str) -> str:
    """Without the white space and comments it begins with."""
    at = 0
    for kind, begin, end in _tokens(piece):
        if kind not in ("comment", "open") or piece[at:begin].strip():
            break
        at = end
    return piece[at:].lstrip()


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    at = 0
    while found := _TOKEN.search(text, at):
        kind, begin, at = str(found.lastgroup), found.start(), found.end()
        if kind == "open":
            at = _comment_end(text, at)
        elif kind == "dollar":
            close = text.find(found.group(), at)
            at = len(text) if close < 0 else close + len(found.group())
        yield kind, begin, at


def _comment_end(text: str, at: int) -> int:
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(text, at)
        if edge is None:
            return len(text)
        depth += 1 if edge.group() == "/*" else -1
        at = edge.end()
    return at


# First match wins. What an older release may count on and what it may write is taken (contract),
# rows are changed (data), or something is added (expand).
_NAME = r'(?:"(?:[^"]|"")*"|[\w$]+)(?:\.(?:"(?:[^"]|"")*"|[\w$]+))?'
_STATEMENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"(BEGIN|COMMIT|END|START TRANSACTION|SET|RESET|SHOW|SELECT set_config)\b", None),
        (r"(SELECT|VALUES|ANALYZE|VACUUM|REINDEX|CLUSTER|CHECKPOINT|LOCK|COMMENT)\b", None),
        (r"(INSERT|UPDATE|DELETE|MERGE|COPY|TRUNCATE|WITH|DO|CALL|REFRESH)\b", Kind.DATA),
        (r"DROP INDEX\b", Kind.EXPAND),
        (r"(DROP|REVOKE)\b", Kind.CONTRACT),
        (r"CREATE (UNIQUE INDEX|(OR REPLACE )?(CONSTRAINT )?TRIGGER|POLICY|RULE)\b", Kind.CONTRACT),
        (r"(CREATE|GRANT)\b", Kind.EXPAND),
        (r"ALTER TYPE .* ADD (VALUE|ATTRIBUTE)\b", Kind.EXPAND),
        (r"ALTER (INDEX|SEQUENCE|DATABASE|ROLE|EXTENSION|SYSTEM)\b", Kind.EXPAND),
        (r"ALTER (TYPE|VIEW|FUNCTION|DOMAIN|SCHEMA|MATERIALIZED)\b", Kind.CONTRACT),
    )
)
_ALTER_TABLE = re.compile(
    rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?({_NAME})\s*\*?\s+(.*)", re.IGNORECASE
)
_CREATE = re.compile(
    rf"CREATE (?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED) )*TABLE (?:IF NOT EXISTS )?({_NAME})",
    re.IGNORECASE,
)
_ON = re.compile(rf"\bON (?:ONLY )?({_NAME})", re.IGNORECASE)
_WORD = r"(?:COLUMN )?(?:IF (?:NOT )?EXISTS )?"
_ACTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"ADD CONSTRAINT .*\b(CHECK|UNIQUE|FOREIGN KEY|EXCLUDE|PRIMARY KEY)\b", Kind.CONTRACT),
        (r"ADD (CHECK|UNIQUE|FOREIGN KEY|EXCLUDE|PRIMARY KEY)\b", Kind.CONTRACT),
        (rf"ADD {_WORD}.*\b(GENERATED|DEFAULT|SERIAL|BIGSERIAL)\b", Kind.EXPAND),
        (rf"ADD {_WORD}.*\bNOT NULL\b", Kind.CONTRACT),
        (r"ADD\b", Kind.EXPAND),
        (r"ALTER .*\b(SET NOT NULL|DROP DEFAULT|DROP EXPRESSION|DROP IDENTITY)\b", Kind.CONTRACT),
        (r"ALTER .*\bTYPE (TEXT|BIGINT|DOUBLE PRECISION|NUMERIC)\b(?! ?\()", Kind.EXPAND),
        (r"ALTER .*\bTYPE\b", Kind.CONTRACT),
        (r"DROP CONSTRAINT\b", Kind.EXPAND),
        (r"(DROP|RENAME|SET SCHEMA|ENABLE|FORCE|DETACH)\b", Kind.CONTRACT),
    )
)


def kinds(migration: Migration) -> frozenset[Kind]:
    """What kinds of statements a migration has. A table that it makes itself is nobody's yet."""
    made: set[str] = set()
    found = {Kind.DATA} if migration.code else set()
    for statement in migration.statements or ():
        sql = bare(statement.sql).rstrip(";")
        if create := _CREATE.match(sql):
            made.add(_plain(create.group(1)))
        kind = _kind(sql, made)
        if kind:
            found.add(kind)
    if migration.statements is None:
        found |= {_OPERATIONS.get(name, Kind.CONTRACT) for name, _ in migration.operations}
    if migration.reversible is False:
        found.add(Kind.IRREVERSIBLE)
    return frozenset(found)


def kind_of(migration: Migration) -> Kind:
    """The one that weighs most: what older releases cannot run on, then what cannot be undone."""
    found = kinds(migration)
    order = (Kind.CONTRACT, Kind.IRREVERSIBLE, Kind.DATA)
    return next((kind for kind in order if kind in found), Kind.EXPAND)


def changes_schema(migration: Migration) -> bool:
    """Whether its text says that the catalogs are another after it."""
    return any(
        re.match(r"(CREATE|DROP|ALTER)\b(?!.*\bIF (NOT )?EXISTS\b)", bare(one.sql), re.IGNORECASE)
        for one in migration.statements or ()
    )


def _kind(sql: str, made: set[str]) -> Kind | None:
    alter = _ALTER_TABLE.match(sql)
    if alter:
        found = {_action(part, made, alter.group(1)) for part in _parts(alter.group(2))}
        return Kind.CONTRACT if Kind.CONTRACT in found else Kind.EXPAND
    on = _ON.search(sql)
    if on and _plain(on.group(1)) in made:
        return Kind.EXPAND
    return next((kind for pattern, kind in _STATEMENTS if pattern.match(sql)), Kind.CONTRACT)


def _action(action: str, made: set[str], table: str) -> Kind:
    if _plain(table) in made:
        return Kind.EXPAND
    return next((kind for pattern, kind in _ACTIONS if pattern.match(action)), Kind.EXPAND)


def _parts(actions: str) -> list[str]:
    """The actions of ALTER TABLE: cut at commas that stand in no parentheses."""
    depth, parts = 0, [""]
    for letter in actions:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _plain(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    return last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()


# Where a tool's operations are known and their SQL is not (docs.djangoproject.com: migration
# operations; alembic.sqlalchemy.org: ops). What is not named here is taken for a contract.
_OPERATIONS = {
    "CreateModel": Kind.EXPAND,
    "AddField": Kind.EXPAND,
    "AddIndex": Kind.EXPAND,
    "AddIndexConcurrently": Kind.EXPAND,
    "RemoveIndex": Kind.EXPAND,
    "RemoveConstraint": Kind.EXPAND,
    "AlterModelOptions": Kind.EXPAND,
    "AlterModelManagers": Kind.EXPAND,
    "RunPython": Kind.DATA,
    "RunSQL": Kind.DATA,
    "create_table": Kind.EXPAND,
    "add_column": Kind.EXPAND,
    "create_index": Kind.EXPAND,
    "drop_index": Kind.EXPAND,
    "bulk_insert": Kind.DATA,
    "execute": Kind.DATA,
}
