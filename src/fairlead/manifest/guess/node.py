"""Node: read from ``package.json`` (npm's documentation of its fields)."""

import json
import re
from collections.abc import Mapping
from typing import Any

from fairlead.manifest.commands import flaw
from fairlead.manifest.guess import health, static
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.packages import table
from fairlead.manifest.guess.repository import Repository, best_health, is_health

_ROUTE = re.compile(r"""\.(?:get|use|all|route)\(\s*["'`](/[\w./-]+)["'`]""")
_OUTPUT = {"vite": "dist", "astro": "dist", "react-scripts": "build", "@11ty/eleventy": "_site"}
_OTHER_LOCKS = ("pnpm-lock.yaml", "yarn.lock", "bun.lockb", "bun.lock")


def look(repository: Repository) -> Draft | None:
    """The draft for a Node app, or for pages that Node builds; None without a package.json."""
    package = read(repository)
    scripts = table(package, "scripts")
    start, why = _start(repository, scripts, package)
    output = next((_OUTPUT[name] for name in _OUTPUT if name in depends(package)), "")
    if not start and not (output and "build" in scripts):
        return None
    draft = Draft("a Node app (package.json)")
    _build(draft, repository, scripts)
    if start:
        _serve(draft, repository, start, why)
    else:
        static.served(draft, output, f"npm run build leaves the pages in {output}")
    _checks(draft, scripts)
    _migrate(draft, repository, package)
    return draft


def read(repository: Repository) -> Mapping[str, Any]:
    """What package.json says; empty when it cannot be read."""
    try:
        found = json.loads(repository.text("package.json") or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def depends(said: Mapping[str, Any]) -> set[str]:
    """The packages that it names, for running and for developing."""
    return {*table(said, "dependencies"), *table(said, "devDependencies")}


def _start(
    repository: Repository, scripts: Mapping[str, Any], package: Mapping[str, Any]
) -> tuple[str, str]:
    script = scripts.get("start")
    if isinstance(script, str) and script.strip():
        return _script(script.strip())
    main = package.get("main")
    names = (main if isinstance(main, str) else "", "server.js", "index.js", "app.js")
    entry = repository.first(*filter(None, names))
    listens = re.search(r"\.listen\(", repository.text(entry))
    return (f"node {entry}", f"{entry} listens") if listens else ("", "")


def _script(script: str) -> tuple[str, str]:
    """``npm start`` puts a shell between the supervisor and the app, which keeps SIGTERM to
    itself; so what the script runs is run directly wherever that is one plain command."""
    first = script.split(maxsplit=1)[0]
    if flaw(script) or "=" in first or first in ("npm", "yarn", "pnpm"):
        return "npm start", "package.json: scripts.start, which only a shell can run"
    if first in ("node", "env") or "/" in first:
        return script, "package.json: scripts.start"
    if first == "next":
        return f"node_modules/.bin/{script} --port {{port}}", "package.json: scripts.start"
    return f"node_modules/.bin/{script}", "package.json: scripts.start"


def _serve(draft: Draft, repository: Repository, start: str, why: str) -> None:
    if "{port}" not in start:
        start, why = f"env PORT={{port}} {start}", f"{why}; PORT is where Node apps look for it"
        reads = re.compile(r"env\.PORT|env\[[\"']PORT")
        if not any(reads.search(text) for text in repository.texts.values()):
            draft.todo.append("no process.env.PORT was found: the app must listen on that port")
    draft.add("role.web", "command", start, why)
    sources = {p: t for p, t in repository.texts.items() if re.search(r"\.[cm]?[jt]s$", p)}
    found = {path: file for file, text in sources.items() for path in _ROUTE.findall(text)}
    best = best_health([path for path in found if is_health(path)])
    if best:
        health.found(draft, best, f"{found[best]} answers it")
    else:
        health.stand_in(draft)


def _build(draft: Draft, repository: Repository, scripts: Mapping[str, Any]) -> None:
    draft.add("build", "kind", "node", "package.json is there")
    if repository.has("package-lock.json"):
        draft.add("build", "lock", "package-lock.json")
    else:
        other = repository.first(*_OTHER_LOCKS)
        there = f"{other} is not npm's; " if other else "nothing locks the dependencies; "
        draft.todo.append(f"{there}npm install --package-lock-only writes package-lock.json")
    if "build" in scripts:
        draft.add("build", "commands", ["npm run build"], "package.json: scripts.build")


def _checks(draft: Draft, scripts: Mapping[str, Any]) -> None:
    test = scripts.get("test")
    if isinstance(test, str) and "no test specified" not in test:
        draft.add("check.tests", "command", "npm test", "package.json: scripts.test")
    if "lint" in scripts:
        draft.add("check.lint", "command", "npm run lint", "package.json: scripts.lint")


def _migrate(draft: Draft, repository: Repository, package: Mapping[str, Any]) -> None:
    schema = repository.text("prisma/schema.prisma")
    if not schema:
        return
    if "prisma" not in depends(package):
        draft.todo.append("prisma/schema.prisma is there and package.json does not name prisma")
    match = re.search(r"env\(\s*\"(\w+)\"", schema)
    name = match[1] if match else "DATABASE_URL"
    draft.add(
        "migrate",
        "command",
        "node_modules/.bin/prisma migrate deploy",
        "prisma/schema.prisma is there",
    )
    draft.add("migrate", "files", ["prisma/migrations/**"], "where Prisma keeps migrations")
    draft.add("migrate", "database", name, "prisma/schema.prisma reads it" if match else "")
    draft.todo.append(f"{name} has no value yet: give one in [environment.local.settings]")
