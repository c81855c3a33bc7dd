"""Python application servers, and how each is told where to listen.

From the servers' own documentation: gunicorn, uvicorn, hypercorn, daphne, waitress, uWSGI, granian.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.manifest.guess.draft import Draft
from fairlead.manifest.guess.packages import how_to_add
from fairlead.manifest.guess.repository import Repository


@dataclass(frozen=True, slots=True)
class Application:
    """A WSGI or ASGI application: its module, the name in it, and where it is imported from.

    ``factory`` is set when the name is a function that makes it.
    """

    interface: str
    module: str
    name: str
    root: str
    path: str
    factory: bool = False

    @property
    def target(self) -> str:
        """As servers write it."""
        return f"{self.module}:{self.name}"


_WSGI = {
    "gunicorn": "gunicorn --bind unix:{socket} --workers 2 TARGET",
    "waitress": "waitress-serve --unix-socket={socket} TARGET",
    "uwsgi": "uwsgi --http-socket {socket} --master --die-on-term --need-app --module TARGET",
    "granian": "granian --interface wsgi --host 127.0.0.1 --port {port} TARGET",
}
_ASGI = {
    "uvicorn": "uvicorn --uds {socket} TARGET",
    "hypercorn": "hypercorn --bind unix:{socket} TARGET",
    "daphne": "daphne -u {socket} TARGET",
    "granian": "granian --interface asgi --host 127.0.0.1 --port {port} TARGET",
}
_FACTORY = {
    "gunicorn": ("TARGET", "'TARGET()'"),
    "waitress": ("TARGET", "--call TARGET"),
    "uvicorn": ("TARGET", "--factory TARGET"),
    "hypercorn": ("TARGET", "'TARGET()'"),
    "granian": ("TARGET", "--factory TARGET"),
}
SERVERS = {"wsgi": _WSGI, "asgi": _ASGI}
"""By interface: each server and its command, the one people use most first."""


def serve(
    draft: Draft, application: Application, packages: Mapping[str, str], repository: Repository
) -> None:
    """The web role's command."""
    servers = SERVERS[application.interface]
    server = next((name for name in servers if name in packages), "")
    said = f"{application.path} holds the {application.interface.upper()} application"
    if server:
        said += f", and {packages[server]} names {server}"
    else:
        server = next(iter(servers))
        draft.todo.append(
            f"no {application.interface.upper()} server is among the dependencies; the web role "
            f"uses {server}: {how_to_add(server, repository)}"
        )
    draft.add("role.web", "command", _command(server, servers[server], application), said)


def _command(server: str, pattern: str, application: Application) -> str:
    if application.factory:
        pattern = pattern.replace(*_FACTORY.get(server, ("", "")))
    command = pattern.replace("TARGET", application.target)
    return below(application.root, command)


def below(root: str, command: str) -> str:
    """A command whose modules are found in ``root``."""
    return f"env PYTHONPATH={quoted(root)} {command}" if root else command


def quoted(word: str) -> str:
    """A word as a command line holds it."""
    return shlex.quote(word)
