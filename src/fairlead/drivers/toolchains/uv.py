"""Python dependencies by uv, in a virtual environment per key.

From ``uv.lock``, ``pylock.toml`` (PEP 751), a requirements file, or ``pyproject.toml``, which is
resolved once per content and said to be unlocked. The project itself is never installed: its
tree is on PYTHONPATH, so that releases with the same lock share one environment.
"""

import json
import os
import platform
import re
import sys
import sysconfig
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uv

from fairlead.artifact.ports import Install, Purpose, Recipe
from fairlead.base.errors import UsageError
from fairlead.checks.model import Surroundings
from fairlead.checks.ports import Runner, Sink
from fairlead.drivers.toolchains import python, requirements
from fairlead.drivers.toolchains.tool import (
    Scratch,
    digest_of_file,
    install,
    installer_environment,
    key_of,
    personal,
    scratch,
)
from fairlead.manifest.model import Build

_SEARCHED = ("uv.lock", "pylock.toml", "requirements.txt")
_FORM = "1"  # a change of how environments are laid out changes every key
# What of pyproject.toml decides the dependencies; its version may change with every release.
_TABLES = ("dependencies", "optional-dependencies", "requires-python", "dynamic")


class Uv:
    """A ``Toolchain``. ``cache`` lies on the environments' file system: installs are hard links.

    Where the runner gives commands a user of their own, it is None: see ``Scratch``.
    """

    def __init__(
        self, runner: Runner, cache: Path | None, around: Mapping[str, str] | None = None
    ) -> None:
        self._runner = runner
        self._cache = cache
        self._around = os.environ if around is None else around

    def recipe(self, tree: Path, build: Build, purpose: Purpose) -> Recipe | None:
        """See ``Toolchain``. A Python app without dependencies still gets its interpreter."""
        project = _project(tree)
        lock = build.lock or _found(tree, project)
        files = _inputs(tree, lock)
        dependencies = _dependencies(project) if lock in ("uv.lock", "pyproject.toml") else ""
        content = (*files, *_beside(tree, lock, files))
        contents = {f"file {name}": digest_of_file(tree / name) for name in content}
        lock_digest = key_of({**contents, "dependencies": dependencies})
        parts = {
            "form": _FORM,
            "tool": f"uv {_version()}",
            "python": f"{platform.python_version()} {python.own_python()}",
            "asked": python.request(tree, project),
            "platform": f"{sysconfig.get_platform()} {' '.join(platform.libc_ver())}",
            "lock": f"{lock} {lock_digest}",
            "groups": purpose
            if lock in ("uv.lock", "pyproject.toml") and _grouped(project)
            else "",
        }
        locked = _locked(tree, lock, files)
        return Recipe(key_of(parts), purpose, lock, lock_digest, locked)

    def install(self, job: Install, show: Sink) -> Surroundings:
        """See ``Toolchain``."""
        environment = job.directory / "venv"
        with scratch(self._cache, job.directory) as beside:
            variables = self._variables(beside)
            interpreter = self._interpreter(job, variables, show)
            variables |= {"UV_PROJECT_ENVIRONMENT": str(environment)}
            for argv, directory in _steps(job, interpreter, environment):
                whole = (uv.find_uv_bin(), *argv)
                install(self._runner, job, whole, variables, directory, show)
        notes = [] if job.recipe.locked else [_unlocked(job)]
        return Surroundings(
            key=job.recipe.key,
            path=str(job.directory),
            bins=(str(environment / "bin"),),
            variables=(("VIRTUAL_ENV", str(environment)),),
            roots=(".", "src"),
            packages=packages(environment),
            notes=tuple(notes),
        )

    def _variables(self, beside: Scratch) -> dict[str, str]:
        return {
            **installer_environment(self._around),
            **personal(beside),
            "UV_CACHE_DIR": beside.cache,
            "UV_PYTHON_DOWNLOADS": "never",  # an interpreter is the machine's, and patched by it
            "UV_NO_PROGRESS": "1",
            "PYC_INVALIDATION_MODE": "UNCHECKED_HASH",
        }

    def _interpreter(self, job: Install, variables: Mapping[str, str], show: Sink) -> str:
        """Ours when it will do, else one on the machine that meets what the app asks for."""
        asked = python.request(job.tree, _project(job.tree))
        if python.satisfies(asked, sys.version_info[:3]):
            return python.own_python()
        found: list[str] = []
        argv = (uv.find_uv_bin(), "python", "find", "--no-project", asked)
        install(self._runner, job, argv, variables, job.directory, found.append)
        show(f"Python {asked}: {found[-1]}")
        return found[-1]


def packages(environment: Path) -> tuple[tuple[str, str], ...]:
    """(name, version) of what is installed, by its metadata directories (PEP 376), sorted."""
    found = [path.stem for path in environment.glob("lib/python*/site-packages/*.dist-info")]
    pairs = (name.rpartition("-")[::2] for name in found)
    return tuple(sorted((re.sub(r"[-_.]+", "-", name).lower(), text) for name, text in pairs))


def _project(tree: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((tree / "pyproject.toml").read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"pyproject.toml: it cannot be read: {error}", "correct it") from None


def _found(tree: Path, project: dict[str, Any]) -> str:
    searched = next((name for name in _SEARCHED if (tree / name).is_file()), "")
    return searched or ("pyproject.toml" if "project" in project else "")


def _inputs(tree: Path, lock: str) -> tuple[str, ...]:
    """The files whose content is the lock. Raises UsageError for one that is not there."""
    if not lock or lock == "pyproject.toml":
        return ()
    if not (tree / lock).is_file():
        raise UsageError(f"fairlead.toml: build.lock: no such file: {lock!r}", "commit it")
    if lock.endswith((".toml", ".lock")):
        return (lock,)
    files = requirements.closure(tree, lock)
    requirements.refuse_itself(tree, files)
    return files


def _beside(tree: Path, lock: str, files: tuple[str, ...]) -> tuple[str, ...]:
    """What else of the tree may be installed: the wheels that a requirements file brings."""
    return () if lock.endswith((".toml", ".lock")) else requirements.wheels(tree, files)


def _locked(tree: Path, lock: str, files: tuple[str, ...]) -> bool:
    if lock == "pyproject.toml":
        return False
    return not lock or lock.endswith((".toml", ".lock")) or requirements.locked(tree, files)


def _dependencies(project: dict[str, Any]) -> str:
    table = {name: project.get("project", {}).get(name) for name in _TABLES}
    uv_table = project.get("tool", {}).get("uv")
    chosen = {"project": table, "groups": project.get("dependency-groups"), "uv": uv_table}
    return json.dumps(chosen, sort_keys=True, default=str)


def _grouped(project: dict[str, Any]) -> bool:
    """Whether work on the project needs more than the project does."""
    uv_table = project.get("tool", {}).get("uv", {})
    older = {"dev-dependencies", "default-groups"} & set(uv_table)
    return bool(project.get("dependency-groups") or older)


def _steps(job: Install, interpreter: str, environment: Path) -> list[tuple[tuple[str, ...], Path]]:
    """The calls of uv, each with the directory it is made in."""
    lock = job.recipe.lock
    if lock in ("uv.lock", "pyproject.toml"):
        return [_sync(job, interpreter)]
    create = ("venv", "--no-project", "--python", interpreter, str(environment))
    if not lock:
        return [(create, job.directory)]
    into = ("--python", str(environment / "bin" / "python"), "--compile-bytecode")
    if lock.endswith(".toml"):
        fill = ("pip", "sync", "--preview-features", "pylock", *into, lock)
    else:
        files = requirements.closure(job.tree, lock)
        strict = ("--require-hashes",) if requirements.hashed(job.tree, files) else ()
        fill = ("pip", "install", *into, *strict, "-r", lock)
    return [(create, job.directory), (fill, job.tree)]


def _sync(job: Install, interpreter: str) -> tuple[tuple[str, ...], Path]:
    """``--locked``: a lock that no longer fits pyproject.toml is refused, never brought up to date
    here. Without a lock the resolution is written beside the environment and kept with it."""
    groups = () if job.recipe.purpose is Purpose.WORK else ("--no-default-groups",)
    local = ("--no-install-project", "--no-install-workspace")
    sync = ("sync", "--compile-bytecode", "--python", interpreter, *local, *groups)
    if job.recipe.lock == "uv.lock":
        return (*sync, "--locked"), job.tree
    (job.directory / "pyproject.toml").write_bytes((job.tree / "pyproject.toml").read_bytes())
    return sync, job.directory


def _unlocked(job: Install) -> str:
    fix = "uv lock" if job.recipe.lock == "pyproject.toml" else "uv pip compile"
    return f"{job.recipe.lock} leaves versions open: resolved once, now; {fix} fixes them"


def _version() -> str:
    """uv's own version."""
    from importlib.metadata import version  # milliseconds that only a build need pay

    return version("uv")
