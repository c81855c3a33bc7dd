"""Node dependencies by ``npm ci``, in a ``node_modules`` per key that trees link to."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.artifact.ports import Install, Purpose, Recipe
from fairlead.base.errors import NotFound, UsageError
from fairlead.checks.model import Surroundings
from fairlead.checks.ports import Runner, Sink
from fairlead.drivers.toolchains.tool import (
    digest_of_file,
    install,
    installer_environment,
    key_of,
    personal,
    scratch,
)
from fairlead.manifest.model import Build

_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
_FORM = "1"
_DECIDES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
            "overrides", "workspaces", "engines")  # fmt: skip
# npm runs these of the app's own package.json while it installs (npm docs, "Life Cycle Scripts").
_RUN_WITH = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare",
             "postprepare")  # fmt: skip


class Npm:
    """A ``Toolchain``. ``cache`` is npm's download cache.

    Where the runner gives commands a user of their own, it is None: see ``Scratch``.
    """

    def __init__(
        self, runner: Runner, cache: Path | None, around: Mapping[str, str] | None = None
    ) -> None:
        self._runner = runner
        self._cache = cache
        self._around = os.environ if around is None else around

    def recipe(self, tree: Path, build: Build, purpose: Purpose) -> Recipe | None:
        """See ``Toolchain``. A tree that has its own ``node_modules`` keeps to it."""
        package = _read(tree, "package.json")
        if package is None or (tree / "node_modules").is_dir():
            return None
        lock = build.lock or next((name for name in _LOCKS if (tree / name).is_file()), "")
        if not lock or not (tree / lock).is_file():
            _may_lack_lock(package, lock)
            return None
        decides = json.dumps(
            {name: package.get(name) for name in _DECIDES} | _scripts(package), sort_keys=True
        )
        settings = tree / ".npmrc"
        lock_digest = key_of(
            {
                "lock": digest_of_file(tree / lock),
                "package": decides,
                "settings": digest_of_file(settings) if settings.is_file() else "",
            }
        )
        parts = {
            "form": _FORM,
            "node": self._identity("node"),
            "npm": self._identity("npm"),
            "lock": lock_digest,
            "groups": purpose if package.get("devDependencies") else "",
        }
        return Recipe(key_of(parts), purpose, lock, lock_digest)

    def install(self, job: Install, show: Sink) -> Surroundings:
        """See ``Toolchain``."""
        for name in ("package.json", job.recipe.lock, ".npmrc"):
            if (job.tree / name).is_file():
                shutil.copyfile(job.tree / name, job.directory / name)
        omit = ("--omit=dev",) if job.recipe.purpose is Purpose.RUN else ()
        argv = (self._program("npm"), "ci", "--no-audit", "--no-fund", *omit)
        with scratch(self._cache, job.directory) as beside:
            variables = installer_environment(self._around) | personal(beside)
            variables |= {"npm_config_cache": beside.cache}
            install(self._runner, job, argv, variables, job.directory, show)
        modules = job.directory / "node_modules"
        modules.mkdir(exist_ok=True)  # npm makes none for an empty lock
        production = (("NODE_ENV", "production"),) if omit else ()
        return Surroundings(
            key=job.recipe.key,
            path=str(job.directory),
            bins=(str(modules / ".bin"), str(Path(self._program("node")).parent)),
            variables=production,
            links=(("node_modules", str(modules)),),
            packages=_packages(job.tree, job.recipe.lock, job.directory),
        )

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=self._around.get("PATH", os.defpath))
        if found is None:
            raise NotFound(f"{name} is not installed", "apt install nodejs npm")
        return found

    def _identity(self, name: str) -> str:
        """A program by its file: asking it for its version takes 40 ms."""
        path = Path(self._program(name)).resolve()
        facts = path.stat()
        return f"{path} {facts.st_size} {facts.st_mtime_ns}"


def _scripts(package: Mapping[str, Any]) -> dict[str, Any]:
    """What of the scripts takes part in an installation; test commands and the like do not."""
    scripts = package.get("scripts")
    known = scripts if isinstance(scripts, dict) else {}
    return {name: known[name] for name in _RUN_WITH if name in known}


def _read(tree: Path, name: str) -> dict[str, Any] | None:
    try:
        found = json.loads((tree / name).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: it cannot be read: {error}", "correct it") from None
    return found if isinstance(found, dict) else {}


def _may_lack_lock(package: Mapping[str, Any], lock: str) -> None:
    if lock:
        raise UsageError(f"fairlead.toml: build.lock: no such file: {lock!r}", "commit it")
    if package.get("dependencies") or package.get("devDependencies"):
        raise UsageError(
            "package.json names dependencies and there is no package-lock.json",
            "npm install --package-lock-only, and commit package-lock.json",
        )


def _packages(tree: Path, lock: str, directory: Path) -> tuple[tuple[str, str], ...]:
    """(name, version) of the packages in the tree's lock that were installed, sorted."""
    known = (_read(tree, lock) or {}).get("packages", {})
    found = {
        (path.rpartition("node_modules/")[2], str(facts.get("version", "")))
        for path, facts in known.items()
        if path and (directory / path).is_dir()
    }
    return tuple(sorted(found))
