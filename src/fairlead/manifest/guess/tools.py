"""The project's own linters, type checkers and formatters, as checks.

Only what a check will really find is proposed: a Python tool that is in the environment which the
lock makes, a Node tool that package.json names. Which arguments each takes is from its own
documentation.
"""

import re
from collections.abc import Mapping
from typing import Any

from fairlead.manifest.guess import node, packages
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.packages import document, table
from fairlead.manifest.guess.repository import Repository

_BIN = "node_modules/.bin"
_PYTHON = ("ruff", "flake8", "black", "mypy", "pyright", "basedpyright", "pre-commit", "pytest")
_ESLINT = re.compile(r"eslint\.config\.[cm]?[jt]s|\.eslintrc(?:\.\w+)?")
_PRETTIER = re.compile(r"\.prettierrc(?:\.\w+)?|prettier\.config\.[cm]?[jt]s")
_STYLELINT = re.compile(r"\.stylelintrc(?:\.\w+)?|stylelint\.config\.[cm]?[jt]s")
_STAND_INS = re.compile(r"env ((?:\w+=\S* )+)")


def add(draft: Draft, repository: Repository) -> None:
    """Propose the checks that the project's own tools make."""
    kind = draft.value("build", "kind")
    if kind == "python":
        _python(draft, repository)
    elif kind == "node":
        _node(draft, repository)


def _python(draft: Draft, repository: Repository) -> None:
    given = packages.given(repository)
    _lacking(draft, repository, given)
    settings = table(document(repository.text("pyproject.toml")), "tool")
    _python_lint(draft, given, settings)
    _python_types(draft, given, settings)
    if "pre-commit" in given and repository.has(".pre-commit-config.yaml"):
        # It works on what git knows; the tree of a check is no clone.
        command = "sh -c 'git init -q && git add -A && pre-commit run --all-files'"
        _propose(draft, "hooks", command, ".pre-commit-config.yaml is there")
        draft.add("check.hooks", "network", True, "pre-commit fetches the hooks it runs")


def _python_lint(draft: Draft, given: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    if "ruff" in given:
        _propose(draft, "lint", "ruff check", _names(given, "ruff"))
        if "format" in table(settings, "ruff"):
            _propose(draft, "format", "ruff format --check", "pyproject.toml: tool.ruff.format")
    elif "flake8" in given:
        _propose(draft, "lint", "flake8", _names(given, "flake8"))
    if "black" in given:
        _propose(draft, "format", "black --check .", _names(given, "black"))


def _python_types(draft: Draft, given: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    if "mypy" in given:
        whole = {"files", "packages", "modules"} & table(settings, "mypy").keys()
        command = "mypy" if whole else "mypy ."
        if "django-stubs" in given:  # its plugin loads the settings
            match = _STAND_INS.match(draft.value("check.django", "command") or "")
            command = f"{match[0]}{command}" if match else command
        _propose(draft, "types", command, _names(given, "mypy"))
    elif "basedpyright" in given:
        _propose(draft, "types", "basedpyright", _names(given, "basedpyright"))
    elif "pyright" in given:
        _propose(draft, "types", "pyright", _names(given, "pyright"))
        draft.add("check.types", "network", True, "what PyPI calls pyright fetches pyright itself")


def _lacking(draft: Draft, repository: Repository, given: Mapping[str, str]) -> None:
    """Tools that are named where no check will find them."""
    named = packages.packages(repository)
    found = [tool for tool in _PYTHON if tool in named and tool not in given]
    if found:
        draft.todo.append(
            f"{', '.join(found)}: named in {named[found[0]]}, and the checks get what "
            f"{packages.lock(repository)} names: {packages.how_to_add(found[0], repository)}"
        )


def _names(given: Mapping[str, str], package: str) -> str:
    return f"{given[package]} names {package}"


def _node(draft: Draft, repository: Repository) -> None:
    package = node.read(repository)
    named = node.depends(package)
    scripts = table(package, "scripts")
    files = [path for path in repository.paths if "/" not in path]
    if "eslint" in named and _one(_ESLINT, files):
        _propose(draft, "lint", f"{_BIN}/eslint .", f"{_one(_ESLINT, files)} is there")
    if "typescript" in named and repository.has("tsconfig.json"):
        command, why = f"{_BIN}/tsc --noEmit", "tsconfig.json is there"
        _script(draft, "types", scripts, ("typecheck", "type-check", "types"), command, why)
    if "prettier" in named and ("prettier" in package or _one(_PRETTIER, files)):
        why = f"{_one(_PRETTIER, files) or 'package.json: prettier'} is there"
        own = ("format:check", "check:format", "prettier:check")
        _script(draft, "format", scripts, own, f"{_BIN}/prettier --check .", why)
    if "stylelint" in named and ("stylelint" in package or _one(_STYLELINT, files)):
        why = f"{_one(_STYLELINT, files) or 'package.json: stylelint'} is there"
        command = f"{_BIN}/stylelint '**/*.{{css,scss}}'"
        _script(draft, "styles", scripts, ("lint:css", "stylelint"), command, why)
    for runner, command in (("vitest", "vitest run"), ("jest", "jest --ci")):
        if runner in named:
            _propose(draft, "tests", f"{_BIN}/{command}", f"package.json names {runner}")


def _script(
    draft: Draft,
    name: str,
    scripts: Mapping[str, Any],
    own: tuple[str, ...],
    command: str,
    why: str,
) -> None:
    """A check by the project's own script where it has one of these, else by the tool."""
    script = next((one for one in own if isinstance(scripts.get(one), str)), "")
    if script:
        command, why = f"npm run {script}", f"package.json: scripts.{script}"
    _propose(draft, name, command, why)


def _one(pattern: re.Pattern[str], files: list[str]) -> str:
    return next((name for name in files if pattern.fullmatch(name)), "")


def _propose(draft: Draft, name: str, command: str, why: str) -> None:
    if f"check.{name}" not in draft.tables:
        draft.add(f"check.{name}", "command", command, why)
