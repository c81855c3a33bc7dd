"""Which files are migrations, whose tool they are, and what the change did to them."""

import ast
import re

import msgspec

from fairlead.base.errors import Unknown
from fairlead.base.globs import matching
from fairlead.checks.model import Finding
from fairlead.questions import _tree

MOST_BYTES = 2_000_000
MOST_FILES = 5000
_DJANGO = re.compile(rb"^class Migration\(", re.MULTILINE)
_ALEMBIC = re.compile(rb"^down_revision\b", re.MULTILINE)
_DEFAULT = ("**/migrations/**", "**/versions/*.py", "**/*.sql")
_DOWN = re.compile(r"(?:[._-]|^)(?:down|undo|rollback|revert)\.sql$", re.IGNORECASE)


class Found(msgspec.Struct, frozen=True):
    """The migrations of two trees: ``tool`` and why it is taken for that, the paths of those that
    are new (sorted), and what is wrong with those that are not."""

    tool: str
    why: str
    paths: tuple[str, ...]
    added: tuple[str, ...]
    findings: tuple[Finding, ...]


def find(tree: str, before: str, globs: tuple[str, ...], tool: str) -> Found | None:
    """The migrations of ``tree``, against those of ``before`` ("" for none); None where there is
    none in either. Raises Unknown for what cannot be read."""
    now, then = _migrations(tree, globs), _migrations(before, globs) if before else {}
    if not now and not then:
        return None
    guessed, why = (tool, "the manifest says so") if tool else _tool(now or then)
    chosen = {path for path, text in (now | then).items() if _of(guessed, path, text)}
    added = tuple(sorted((now.keys() - then.keys()) & chosen))
    findings = tuple(_changed(now, path) for path in sorted(_touched(now, then) & chosen))
    return Found(guessed, why, tuple(sorted(now.keys() & chosen)), added, findings)


def _migrations(tree: str, globs: tuple[str, ...]) -> dict[str, bytes]:
    try:
        paths = matching(globs or _DEFAULT, _tree.files(tree))
    except OSError as error:
        raise Unknown(f"a tree cannot be read: {error}") from None
    found = {}
    for path in paths:
        if path.endswith((".py", ".sql")) and not path.endswith("__init__.py"):
            found[path] = _read(tree, path)
    if len(found) > MOST_FILES:
        raise Unknown(f"{len(found):,} files are called migrations, the most is {MOST_FILES:,}")
    return found


def _read(tree: str, path: str) -> bytes:
    try:
        text, size = _tree.start_of(tree, path, MOST_BYTES)
    except OSError as error:
        raise Unknown(f"{path} cannot be read: {error.strerror}") from None
    if size > MOST_BYTES:
        raise Unknown(f"{path} holds {size:,} bytes, the most is {MOST_BYTES:,}")
    return text


def _tool(files: dict[str, bytes]) -> tuple[str, str]:
    """Whose they are, by the files themselves; the one with most of them."""
    tools = ("django", "alembic", "sql")
    counts = {tool: sum(_of(tool, path, text) for path, text in files.items()) for tool in tools}
    tool = max(tools, key=lambda one: counts[one])
    if not counts[tool]:
        raise Unknown("no file is a migration of Django or Alembic, or SQL: name the tool")
    says = {
        "django": "has a class Migration",
        "alembic": "has a down_revision",
        "sql": "is a file of SQL",
    }
    example = next(path for path in sorted(files) if _of(tool, path, files[path]))
    return tool, f"{example} {says[tool]}"


def _of(tool: str, path: str, text: bytes) -> bool:
    if tool == "sql":
        return path.endswith(".sql") and not _DOWN.search(path)
    pattern = _DJANGO if tool == "django" else _ALEMBIC
    return path.endswith(".py") and pattern.search(text) is not None


def _touched(now: dict[str, bytes], then: dict[str, bytes]) -> set[str]:
    return {path for path, text in then.items() if not _alike(path, text, now.get(path))}


def _alike(path: str, was: bytes, now: bytes | None) -> bool:
    """Whether they do the same: in a program, comments and the form of its lines do nothing."""
    if now is None or was == now:
        return was == now
    if not path.endswith(".py"):
        return False
    try:
        return ast.dump(ast.parse(was)) == ast.dump(ast.parse(now))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _changed(now: dict[str, bytes], path: str) -> Finding:
    did = "changed" if path in now else "removed"
    return Finding(
        "migrations.changed",
        f"{path} is {did}, and databases have run it as it was",
        path=path if path in now else "",
        subject=path,
        hint="leave it as it was, and write a new migration",
    )
