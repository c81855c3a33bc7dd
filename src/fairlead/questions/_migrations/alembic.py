"""Alembic's migrations: read from their files, and their SQL from ``upgrade --sql``.

alembic.sqlalchemy.org: offline mode prints "-- Running upgrade FROM -> TO" before each.
"""

import ast
import re
from pathlib import Path

import msgspec

from fairlead.base.errors import Unknown
from fairlead.migrations import statements
from fairlead.migrations.model import Migration, Statement
from fairlead.questions._migrations import commands

_RUNNING = re.compile(r"^-- Running upgrade\s+(\S*)\s*-> (\S+)", re.MULTILINE)
_BOOKKEEPING = re.compile(r"^(INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE) alembic_version\b")


class _File(msgspec.Struct, frozen=True):
    path: str
    revision: str
    down: str
    line: int
    operations: tuple[tuple[str, int], ...]
    reversible: bool


def read(
    tree: str, paths: tuple[str, ...], migrate: str, environment: dict[str, str], limit: float
) -> tuple[Migration, ...]:
    """The migrations in ``paths``, in the order they are run. Raises Unknown."""
    files = _ordered([_file(Path(tree), path) for path in paths])
    sql = _sql(tree, files, migrate, environment, limit)
    return tuple(_migration(one, sql.get(one.revision)) for one in files)


def _sql(
    tree: str, files: list[_File], migrate: str, environment: dict[str, str], limit: float
) -> dict[str, str]:
    """SQL by revision; none where Alembic cannot say it without a database."""
    words = commands.words(migrate)
    if "upgrade" not in words:
        return {}
    reach = f"{files[0].down}:{files[-1].revision}" if files[0].down else files[-1].revision
    argv = (*words[: words.index("upgrade") + 1], reach, "--sql")
    ran = commands.run(argv, tree, environment, limit)
    if ran.unknown or ran.code:
        return {}
    pieces = _RUNNING.split(ran.said)
    return dict(zip(pieces[2::3], pieces[3::3], strict=True))


def _migration(one: _File, sql: str | None) -> Migration:
    found = None
    if sql is not None:
        # Statements and operations need not be one to one: then the upgrade's own line is said.
        every = [
            each
            for each in statements.statements(sql)
            if not _BOOKKEEPING.match(each.sql) and statements.bare(each.sql) != "COMMIT"
        ]
        lines = [line for _, line in one.operations]
        lines = lines if len(lines) == len(every) else [one.line] * len(every)
        found = tuple(Statement(each.sql, line) for each, line in zip(every, lines, strict=True))
    names = tuple(name for name, _ in one.operations)
    return Migration(
        one.revision,
        one.path,
        found,
        code="get_bind" in names,
        reversible=one.reversible,
        operations=one.operations,
    )


def _file(tree: Path, path: str) -> _File:
    try:
        module = ast.parse((tree / path).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        raise Unknown(f"{path} cannot be read: {error}") from None
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    values = dict(_assigned(node) for node in module.body)
    revision, down = _text(values.get("revision")), _text(values.get("down_revision"))
    upgrade, downgrade = functions.get("upgrade"), functions.get("downgrade")
    if not revision or down is None or upgrade is None:
        raise Unknown(f"{path} has no upgrade(), or its revisions are not one text each")
    operations = _operations(upgrade)
    undone = bool(downgrade and _operations(downgrade)) or not operations
    return _File(path, revision, down, upgrade.lineno, operations, undone)


def _text(value: ast.expr | None) -> str | None:
    """A text, "" for a written None; None for what is neither (revisions that are joined)."""
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str | None):
        return None
    return value.value or ""


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id, node.value
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.value
    return "", None


def _operations(function: ast.FunctionDef) -> tuple[tuple[str, int], ...]:
    """The calls of ``op`` in it, in their order."""
    calls = [
        (node.func.attr, node.lineno)
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("op", "batch_op")
    ]
    return tuple(sorted(calls, key=lambda call: call[1]))


def _ordered(files: list[_File]) -> list[_File]:
    """One after the other, as they are run. Raises Unknown for branches that do not join."""
    left = {one.down: one for one in files}
    known = {one.revision for one in files}
    first = [one for one in files if one.down not in known]
    if len(left) != len(files) or len(first) != 1:
        raise Unknown("the change's revisions are not one line: merge their branches first")
    order = first
    while order[-1].revision in left:
        order.append(left[order[-1].revision])
        if len(order) > len(files):
            raise Unknown("the change's revisions go round in a circle")
    return order
