"""Which Python packages a repository names, and where.

Formats: requirements files (pip), PEP 621, PEP 735, pylock.toml (PEP 751), uv.lock, Pipfile and
Poetry's tables. Names are compared in the form of PEP 503.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from posixpath import dirname, normpath
from typing import Any

from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import Repository

_LOCKS = (
    "uv.lock",
    "pylock.toml",
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
    "pyproject.toml",
)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?")
_INCLUDED = re.compile(r"^\s*(?:-r|--requirement)[\s=]+([\w./-]+)", re.MULTILINE)
# Extras that bring a server along.
_BRINGS = {"fastapi[standard]": "uvicorn", "fastapi[all]": "uvicorn"}


def lock(repository: Repository) -> str:
    """The file that locks the dependencies, or "" when there is none."""
    return repository.first(*_LOCKS)


def packages(repository: Repository) -> dict[str, str]:
    """Each package that is named, and the file that names it."""
    found: dict[str, str] = {}
    for path in sorted(repository.texts):
        for name in _named(path, repository.texts[path]):
            found.setdefault(name, path)
    return found


def given(repository: Repository) -> dict[str, str]:
    """Of the packages that are named, those a check gets, and the file that names each: what the
    lock holds, with the groups of pyproject.toml where it is that file's lock."""
    first = lock(repository)
    files = [first, *(["pyproject.toml"] if first in ("uv.lock", "pylock.toml") else [])]
    for path in files:  # grows while it is walked
        beside = dirname(path)
        for included in _INCLUDED.findall(repository.text(path)) if path.endswith(".txt") else ():
            name = normpath(f"{beside}/{included}" if beside else included)
            files += [name] if name not in files and name in repository.texts else []
    found: dict[str, str] = {}
    for path in sorted(filter(None, files)):
        for name in _named(path, repository.text(path)):
            found.setdefault(name, path)
    return found


def _named(path: str, text: str) -> Iterator[str]:
    last = path.rsplit("/", 1)[-1]
    if re.fullmatch(r"(?:.*requirements.*|base|prod|production|common)\.(?:txt|in)", last):
        if last.startswith("require") or "requirements" in path:
            yield from _requirements(text.splitlines())
    elif last == "pyproject.toml":
        yield from _pyproject(document(text))
    elif last == "Pipfile":
        yield from map(_normal, table(document(text), "packages"))
    elif last in ("uv.lock", "pylock.toml"):
        yield from _locked(document(text))


def _requirements(lines: list[Any]) -> Iterator[str]:
    for line in lines:
        match = _REQUIREMENT.match(line) if isinstance(line, str) else None
        if match:
            name = _normal(match[1])
            yield name
            brought = _BRINGS.get(name + (match[2] or "").replace(" ", ""))
            yield from (brought,) if brought else ()


def _pyproject(found: Mapping[str, Any]) -> Iterator[str]:
    project = table(found, "project")
    yield from _requirements(_list(project.get("dependencies")))
    for extra in (*table(project, "optional-dependencies").values(), *_groups(found)):
        yield from _requirements(_list(extra))
    poetry = table(table(found, "tool"), "poetry")
    yield from map(_normal, table(poetry, "dependencies"))


def _groups(found: Mapping[str, Any]) -> list[Any]:
    return list(table(found, "dependency-groups").values())


def _locked(found: Mapping[str, Any]) -> Iterator[str]:
    for package in _list(found.get("package") or found.get("packages")):
        name = package.get("name") if isinstance(package, dict) else None
        if isinstance(name, str):
            yield _normal(name)


def document(text: str) -> dict[str, Any]:
    """A TOML document; empty when it cannot be read."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def table(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The table below a key; empty when there is none."""
    below = found.get(key)
    return below if isinstance(below, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def build(draft: Draft, repository: Repository) -> None:
    """The build of a Python app."""
    found = lock(repository)
    draft.add("build", "kind", "python", f"{found} is there" if found else "")
    if found:
        draft.add("build", "lock", found)
    if found == "pyproject.toml":
        draft.todo.append(
            "pyproject.toml names dependencies without locking them: uv lock writes uv.lock"
        )
    if not found:
        draft.todo.append(
            "no file locks the dependencies (uv.lock, pylock.toml, requirements.txt): "
            "uv init --bare, then uv add each package"
        )


def how_to_add(package: str, repository: Repository) -> str:
    """The way to add a package here."""
    found = lock(repository)
    if found.endswith(".txt"):
        return f"add a line {package} to {found}"
    return f"uv add {package}"
