"""Django's migrations: what its own tool says of them, and how its tests get a database.

docs.djangoproject.com: sqlmigrate, and test --keepdb, which uses the database ``test_NAME`` that is
there and only runs migrations that it does not have.
"""

import ast
import json
import os
import tempfile
from pathlib import Path

import msgspec

from fairlead.base.errors import Unknown
from fairlead.migrations.model import Migration, Statement
from fairlead.questions._migrations import commands

TEST_PREFIX = "test_"
_SCRIPT = Path(__file__).with_name("introspect.py")


class _Told(msgspec.Struct, frozen=True):
    name: str
    path: str
    atomic: bool
    operations: tuple[str, ...]
    code: bool
    reversible: bool
    sql: tuple[tuple[int, str], ...] | None
    why: str


class _Output(msgspec.Struct, frozen=True):
    settings: str
    migrations: tuple[_Told, ...]


def manage(migrate: str) -> tuple[str, ...]:
    """The words of the migrate command before its own: ``python manage.py``. Raises Unknown."""
    words = commands.words(migrate)
    if "migrate" not in words:
        raise Unknown(f"the migrate command does not run Django's migrate: {migrate}")
    return words[: words.index("migrate")]


def read(
    tree: str, paths: tuple[str, ...], migrate: str, environment: dict[str, str], limit: float
) -> tuple[Migration, ...]:
    """The migrations in ``paths``, in the order they are run. Raises Unknown."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory, "out.json")
        told = {
            "FAIRLEAD_WANTED": json.dumps(paths),
            "FAIRLEAD_OUT": str(out),
            "FAIRLEAD_TREE": os.path.realpath(tree),
        }
        run = f"told = {{}}; exec(open({str(_SCRIPT)!r}).read(), told); told['main']()"
        argv = (*manage(migrate), "shell", "-c", run)
        ran = commands.run(argv, tree, environment | told, limit)
        if ran.unknown or ran.code or not out.exists():
            raise Unknown(f"Django does not tell its migrations: {ran.unknown or ran.tail}")
        try:
            output = msgspec.json.decode(out.read_bytes(), type=_Output)
        except msgspec.DecodeError as error:
            raise Unknown(f"what Django told of its migrations is off: {error}") from None
    missed = sorted(set(paths) - {one.path for one in output.migrations})
    if missed:
        raise Unknown(f"Django does not know a migration: {', '.join(missed)}")
    return tuple(_migration(one, Path(tree)) for one in output.migrations)


def test_command(command: str, tree: str, environment: dict[str, str]) -> tuple[str, ...]:
    """The tests command, so that it takes the test database that is there."""
    words = commands.words(command)
    if "test" in words and any("manage" in word or "django-admin" in word for word in words):
        at = words.index("test") + 1
        more = [one for one in ("--keepdb", "--noinput") if one not in words]
        return (*words[:at], *more, *words[at:])
    if commands.is_pytest(words) and _has_pytest_django(tree, environment):
        return (*words, "--reuse-db")
    return words


def applied(migrations: tuple[Migration, ...]) -> str:
    """SQL that tells a database of old shape that it has the migrations: none is run on it."""
    rows = [
        "('{}', '{}', now())".format(*one.name.replace("'", "''").split(".", 1))
        for one in migrations
    ]
    return f"INSERT INTO django_migrations (app, name, applied) VALUES {', '.join(rows)};"  # noqa: S608


def _has_pytest_django(tree: str, environment: dict[str, str]) -> bool:
    ran = commands.run(("python", "-c", "import pytest_django"), tree, environment, 60.0)
    return not ran.unknown and ran.code == 0


def _migration(told: _Told, tree: Path) -> Migration:
    lines = _lines(tree / told.path, len(told.operations))
    statements = None
    if told.sql is not None:
        statements = tuple(
            Statement(sql, lines[number] if 0 <= number < len(lines) else 0)
            for number, sql in told.sql
            if not sql.startswith("--")
        )
    operations = tuple(zip(told.operations, lines, strict=True))
    return Migration(
        told.name, told.path, statements, told.code, told.reversible, told.atomic, operations
    )


def _lines(path: Path, count: int) -> list[int]:
    """The line of each of its operations; 0 where they are not written as one list."""
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return [0] * count
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if names == ["operations"] and len(node.value.elts) == count:
                return [element.lineno for element in node.value.elts]
    return [0] * count
