"""A repository as the guessing sees it, and the questions that are asked of it."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from posixpath import basename, dirname

from fairlead.base.ids import is_name

# What is about the code, or was made from it, is not the code.
_ASIDE = re.compile(
    r"(?:^|/)(?:tests?|testing|docs?|examples?|samples?|migrations|node_modules|site-packages)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest|setup|noxfile)\.py$"
)
_HEALTH = re.compile(
    r"/?(?:[\w.-]+/)*(?:readyz|ready|healthz?|health[-_]?check|livez?|liveness|readiness|ping|up)/?"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """Texts by path, all paths (sorted), the directory's name, the branch checked out."""

    texts: Mapping[str, str]
    paths: tuple[str, ...]
    directory: str
    branch: str

    @property
    def name(self) -> str:
        """The app's name: the directory's, as far as it can be one."""
        found = re.sub(r"[^a-z0-9]+", "-", self.directory.lower()).strip("-")[:32].strip("-")
        found = re.sub(r"^[^a-z]+", "", found)
        return found if is_name(found) else "app"

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.texts or path in self.paths

    def text(self, path: str) -> str:
        """Its text; empty when it is absent or was not read."""
        return self.texts.get(path, "")

    def first(self, *paths: str) -> str:
        """The first of these that is there, or ""."""
        return next((path for path in paths if self.has(path)), "")

    def named(self, *names: str) -> tuple[str, ...]:
        """The files of one of these names in any directory, the shallowest first."""
        found = (path for path in self.paths if basename(path) in names)
        return tuple(sorted(found, key=lambda path: (path.count("/"), path)))

    def python(self) -> Iterator[tuple[str, ast.Module]]:
        """The Python files of the app itself that can be read, the shallowest first."""
        for path in sorted(self.texts, key=lambda path: (path.count("/"), path)):
            if path.endswith(".py") and not _ASIDE.search(path):
                tree = parsed(self.texts[path])
                if tree is not None:
                    yield path, tree

    def tested(self) -> bool:
        """Whether it has Python tests."""
        return any(re.search(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests)\.py$", p) for p in self.paths)

    def packages(self, directory: str) -> bool:
        """Whether a directory is a Python package."""
        return self.has(f"{directory}/__init__.py")

    def module(self, path: str) -> tuple[str, str]:
        """A Python file's module, and the directory it is imported from ("" for the root)."""
        inside = path.removesuffix("/__init__.py").removesuffix(".py")
        root = dirname(inside)
        while root and (self.packages(root) or self._imported(root)):
            root = dirname(root)
        return inside.removeprefix(f"{root}/" if root else "").replace("/", "."), root

    def _imported(self, directory: str) -> bool:
        # A directory without __init__.py is a package too when the code imports it as one.
        dotted = re.escape(directory.replace("/", "."))
        pattern = re.compile(rf"^\s*(?:from|import)\s+{dotted}[.\s]", re.MULTILINE)
        return any(pattern.search(text) for p, text in self.texts.items() if p.endswith(".py"))


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of Python text; None when it is not for this Python to read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in their code is not our matter
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_health(path: str) -> bool:
    """Whether a path is what people call a health path."""
    return _HEALTH.fullmatch(path) is not None


def best_health(paths: list[str]) -> str:
    """The most telling of some health paths: readiness, then health, then the rest."""

    def rank(path: str) -> tuple[int, int, str]:
        last = path.rstrip("/").rsplit("/", 1)[-1]
        kind = next((n for n, word in enumerate(("read", "health", "live")) if word in last), 3)
        return kind, len(path), path

    return min(paths, key=rank, default="")


def called(node: ast.expr) -> str:
    """The last name of what is called: ``Flask`` of ``flask.Flask(…)``; "" for no call."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else _plain(node.func)


def _plain(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.AST | None) -> str | None:
    """A literal text, or None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
