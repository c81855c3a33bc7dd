"""SQL is cut as PostgreSQL cuts it, and each statement's kind is read from its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.migrations.model import Kind, Migration, Statement
from fairlead.migrations.statements import bare, kind_of, kinds, statements


def migration(*sql: str, **more: object) -> Migration:
    return Migration("m", "m.sql", tuple(Statement(one) for one in sql), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("SELECT 1;\nSELECT 2", [1, 2]),
        ("-- a; b\n\nSELECT ';'; /* ; /* ; */ */ SELECT 2;", [3, 3]),
        ("CREATE FUNCTION f() AS $x$ BEGIN; END $$ $x$;\nSELECT 1;", [1, 2]),
        ("SELECT \"a;b\";\n\n\nSELECT E'\\';';", [1, 4]),
        ("-- nothing\n;;\n", []),
        ("SELECT 'it''s;'", [1]),
        ("SELECT $1;SELECT 'open;", [1, 1]),
    ],
)
def test_statements_end_where_postgresql_says(text: str, lines: list[int]) -> None:
    """A semicolon in a string, a name, a comment or a dollar quote ends nothing."""
    assert [one.line for one in statements(text)] == lines


@given(st.text(alphabet="ab;'\"$-/*\\\n E", max_size=60))
def test_any_text_is_cut(text: str) -> None:
    """Whatever is written, every statement stands in it, on its line."""
    for one in statements(text):
        assert text.split("\n")[one.line - 1].find(one.sql.split("\n")[0]) >= 0


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("ALTER TABLE t ADD COLUMN a int", Kind.EXPAND),
        ("ALTER TABLE t ADD a int NOT NULL DEFAULT 1, ADD b numeric(3, 1)", Kind.EXPAND),
        ("ALTER TABLE t ADD COLUMN a int, DROP COLUMN b", Kind.CONTRACT),
        ("ALTER TABLE t ADD COLUMN a int NOT NULL", Kind.CONTRACT),
        ("ALTER TABLE t ALTER a SET NOT NULL", Kind.CONTRACT),
        ("ALTER TABLE t ALTER COLUMN a TYPE text", Kind.EXPAND),
        ("ALTER TABLE t ALTER COLUMN a TYPE varchar(3)", Kind.CONTRACT),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", Kind.CONTRACT),
        ("ALTER TABLE t RENAME TO u", Kind.CONTRACT),
        ("ALTER TYPE e ADD VALUE 'x'", Kind.EXPAND),
        ("ALTER TYPE e RENAME VALUE 'x' TO 'y'", Kind.CONTRACT),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", Kind.EXPAND),
        ("CREATE UNIQUE INDEX i ON t (a)", Kind.CONTRACT),
        ("DROP INDEX i", Kind.EXPAND),
        ("DROP VIEW v", Kind.CONTRACT),
        ("update t set a = 'drop table t'", Kind.DATA),
        ("/* x */ SET lock_timeout = 1", Kind.EXPAND),
        ("FROBNICATE t", Kind.CONTRACT),
    ],
)
def test_a_kind_is_read_from_the_text(sql: str, kind: Kind) -> None:
    """What takes something from older code is a contract, and so is what nobody knows."""
    assert kind_of(migration(sql)) == kind


def test_a_table_of_its_own_is_nobody_s_yet() -> None:
    """Whatever is done to a table in the migration that makes it, it expands."""
    sql = ("CREATE TABLE t (a int)", "ALTER TABLE t ADD UNIQUE (a)", "CREATE UNIQUE INDEX ON t (a)")
    assert kind_of(migration(*sql)) == Kind.EXPAND


def test_what_cannot_be_undone_is_said_beside_a_contract() -> None:
    """A contract weighs more, and the other kind is not lost."""
    both = migration("DROP TABLE t", reversible=False, code=True)
    assert kind_of(both) == Kind.CONTRACT
    assert kinds(both) == {Kind.CONTRACT, Kind.IRREVERSIBLE, Kind.DATA}
    assert kind_of(migration("SELECT 1", reversible=False)) == Kind.IRREVERSIBLE


def test_without_sql_the_operations_say_it() -> None:
    """An operation that nobody knows is a contract."""
    for name, kind in (("AddField", Kind.EXPAND), ("Strange", Kind.CONTRACT)):
        assert kind_of(Migration("m", "m.py", operations=((name, 3),))) == kind


def test_bare_keeps_no_strings() -> None:
    """What stands in a string is not SQL."""
    assert bare("SELECT 'x', $$ y $$ -- z\n FROM \"T\"") == "SELECT '', '' FROM \"T\""
