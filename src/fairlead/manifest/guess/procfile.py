"""``Procfile``: ``name: command`` lines, as Heroku defined them. They win over a framework's.

``web`` takes traffic on $PORT, ``release`` runs before a release serves; the rest are workers.
"""

import re
import shlex
from collections.abc import Mapping

from fairlead.base.ids import is_name
from fairlead.manifest.commands import flaw, placeholders
from fairlead.manifest.guess import health, packages
from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.repository import Repository

_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$")
_PORT = re.compile(r"\$\{PORT(?::-\d+)?\}|\$PORT\b")
_BIND = re.compile(r"(-b|--bind)(\s+|=)(?:0\.0\.0\.0|\[::\])?:?\{port\}")
ONCE = re.compile(r"clock|beat|cron|scheduler?")
_MADE = {"go.mod": "go build -o bin/ ./...", "Cargo.toml": "cargo build --release"}


def read(repository: Repository) -> dict[str, str]:
    """The lines of the Procfile: name to command."""
    lines = map(_LINE.match, repository.text("Procfile").splitlines())
    return {match[1]: match[2] for match in lines if match}


def alone(repository: Repository) -> Draft:
    """The build of an app that nothing but its Procfile is known of."""
    draft = Draft("an app with a Procfile")
    if packages.lock(repository):
        packages.build(draft, repository)
    elif repository.has("package.json"):
        draft.add("build", "kind", "node", "package.json is there")
    else:
        _commands(draft, repository)
    return draft


def _commands(draft: Draft, repository: Repository) -> None:
    made = next((name for name in _MADE if repository.has(name)), "")
    if made:
        draft.add("build", "kind", "command", f"{made} is there")
        draft.add("build", "commands", [_MADE[made]])
    else:
        draft.add("build", "kind", "static", "nothing here says how it is built")
        draft.todo.append(
            'nothing here says how it is built: kind = "command" and build.commands, if it is'
        )


def laid_over(draft: Draft, lines: Mapping[str, str]) -> Draft:
    """A draft with the Procfile's roles in the place of its own."""
    draft.kind += " with a Procfile" if "Procfile" not in draft.kind else ""
    if set(lines) - {"release"}:  # it names the processes, so these are all there are
        for table in [name for name in draft.tables if name.startswith("role.")]:
            if table != "role.web":
                draft.drop(table)
    for name, command in lines.items():
        if name == "release":
            _release(draft, command)
        elif name == "web":
            _web(draft, command)
        else:
            _worker(draft, name, command)
    return draft


def _web(draft: Draft, command: str) -> None:
    found = _plain(_listening(command))
    draft.replace("role.web", "command", found, f"Procfile: web: {command}")
    # What was said of a framework's server is no longer what runs.
    draft.todo[:] = [sentence for sentence in draft.todo if "the web role uses" not in sentence]
    if draft.value("role.web", "health") is None:
        health.stand_in(draft)


def _listening(command: str) -> str:
    """A web command that listens where it is told to, and on this machine only."""
    told = _PORT.sub("{port}", command)
    bound = _BIND.sub(r"\1\g<2>unix:{socket}", told)
    found = told if len(placeholders(bound)) > 1 else bound
    found = re.sub(r"(?:0\.0\.0\.0|\[::\]):\{port\}", "127.0.0.1:{port}", found)
    found = re.sub(r"(-b |--bind |--host[ =])0\.0\.0\.0(?=\s|$)", r"\g<1>127.0.0.1", found)
    if placeholders(found):
        return found
    if re.match(r"gunicorn\s", found):  # it would take $PORT from its environment
        return found.replace("gunicorn", "gunicorn --bind unix:{socket}", 1)
    return (
        f"env PORT={{port}} {found}" if not flaw(found) else f"PORT={{port}}; export PORT; {found}"
    )


def _plain(command: str) -> str:
    """A command line as it is, or handed to a shell where only a shell can run it."""
    if not flaw(command) and not re.match(r"[A-Za-z_]\w*=", command):
        return command
    return f"sh -c {shlex.quote(command)}"


def _release(draft: Draft, command: str) -> None:
    draft.replace("migrate", "command", _plain(command), f"Procfile: release: {command}")
    if draft.value("migrate", "files") is None:
        draft.add("migrate", "files", ["**"], "not known what the schema is made of: every release")
    if draft.value("migrate", "database") is None:
        draft.add("migrate", "database", "DATABASE_URL", "Heroku's name for it")
        draft.todo.append(
            "DATABASE_URL has no value yet: give one in [environment.local.settings], or say "
            "backup = false in its place when the release command changes no database"
        )


def _worker(draft: Draft, name: str, command: str) -> None:
    role = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not is_name(role):
        draft.todo.append(f"the Procfile's {name} is left out: no role can be called that")
        return
    draft.replace(f"role.{role}", "command", _plain(command), f"Procfile: {name}: {command}")
    if ONCE.search(role) or re.search(r"\bbeat\b", command):
        draft.add(f"role.{role}", "singleton", True, "a scheduler must not run twice")
