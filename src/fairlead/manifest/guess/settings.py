"""What a Django settings module says: the facts that a deployment stands on."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname, normpath

from fairlead.manifest.guess.repository import Repository, called, parsed, text_of

_READS = re.compile(
    r"""(?:environ\[\s*|environ\.get\(\s*|getenv\(\s*|\b(?:env|config)(?:\.\w+)?\(\s*)["'](\w+)["']"""
)
_MUST = re.compile(r"""(?:environ\[\s*|\b(?:env|config)(?:\.\w+)?\(\s*)["'](\w+)["']\s*[\])]""")
_NO_URL = re.compile(r"dj_database_url\.config\((?![^)]*default)|\benv\.db\(\s*\)")


@dataclass(frozen=True, slots=True)
class Settings:
    """The assignments of a settings module, and of those beside it in its package.

    ``base`` is the directory of ``manage.py``, which BASE_DIR is taken to be.
    """

    path: str
    base: str
    text: str
    values: dict[str, ast.expr]

    @property
    def reads(self) -> tuple[str, ...]:
        """The environment variables it reads, in order."""
        found = dict.fromkeys(_READS.findall(self.text))
        return tuple(name for name in found if not name.startswith("FAIRLEAD_"))

    @property
    def must_have(self) -> tuple[str, ...]:
        """Those without which it does not load, or has no database."""
        found = [name for name in dict.fromkeys(_MUST.findall(self.text)) if self._bare(name)]
        url = ["DATABASE_URL"] if _NO_URL.search(self.text) and "DATABASE_URL" not in found else []
        return (*found, *url)

    def _bare(self, name: str) -> bool:
        # django-environ declares types and defaults beforehand: Env(DEBUG=(bool, False)).
        return not re.search(rf"\b{name}\s*=\s*\(", self.text)

    def literal(self, name: str) -> str:
        """A setting's literal text, or ""."""
        return text_of(self.values.get(name)) or ""

    def directory(self, name: str) -> str:
        """A setting's directory below the repository, or "" when it lies elsewhere."""
        parts = parts_of(self.values.get(name))
        if any(part.startswith("/") for part in parts):
            return ""
        joined = normpath("/".join([self.base or ".", *parts])) if parts else ""
        return "" if joined.startswith(("/", "..")) or joined == "." else joined

    @property
    def database(self) -> str:
        """The variable that holds the database's URL, or ""."""
        urls = [name for name in self.reads if re.search(r"(?:DATABASE|DB)_UR[IL]$", name)]
        implied = re.search(r"dj_database_url\.config\(|\benv\.db\(\s*\)", self.text)
        return next(iter(urls), "DATABASE_URL" if implied else "")

    @property
    def sqlite_inside(self) -> bool:
        """Whether the database is an SQLite file in the repository itself."""
        node = self.values.get("DATABASES")
        said = ast.unparse(node) if node is not None else ""
        return not self.database and "sqlite3" in said and "environ" not in said


def parts_of(node: ast.expr | None) -> list[str]:
    """The pieces after BASE_DIR in ``BASE_DIR / "a" / "b"`` and its other spellings."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [*parts_of(node.left), text_of(node.right) or "/"]
    if isinstance(node, ast.Call) and called(node) in ("join", "str", "joinpath", "Path"):
        return [*_before(node.func), *(part for each in node.args for part in parts_of(each))]
    text = text_of(node)
    return [text] if text is not None else []


def _before(function: ast.expr) -> list[str]:
    # os.path.join's own pieces are all arguments; BASE_DIR.joinpath's first ones stand before it.
    own = isinstance(function, ast.Attribute) and function.attr == "joinpath"
    return parts_of(function.value) if own and isinstance(function, ast.Attribute) else []


def settings(repository: Repository, base: str, module: str) -> Settings | None:
    """The settings of ``module``, imported from ``base``; None when they are not there."""
    stem = "/".join(filter(None, [base, *module.split(".")]))
    path = repository.first(f"{stem}.py", f"{stem}/__init__.py")
    if not path:
        return None
    files = [path, *_beside(repository, path)]
    values = {name: node for file in reversed(files) for name, node in _assigned(repository, file)}
    return Settings(path, base, "\n".join(map(repository.text, files)), values)


def _beside(repository: Repository, path: str) -> list[str]:
    # settings/production.py takes most of what it says from settings/base.py.
    package = dirname(path)
    split = package.rsplit("/", 1)[-1].startswith(("settings", "config"))
    wanted = ("base", "common", "defaults") if split else ()
    beside = (f"{package}/{name}.py" for name in wanted)
    return [file for file in beside if file in repository.texts and file != path]


def _assigned(repository: Repository, path: str) -> Iterator[tuple[str, ast.expr]]:
    tree = parsed(repository.text(path))
    for node in tree.body if tree else ():
        if isinstance(node, ast.Assign):
            yield from ((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
