"""Where a unit's processes listen: by its socket, its command's options, its program's own file."""

import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise

from fairlead.adopt.model import Unit
from fairlead.drivers.living.tree import Tree

_OPTIONS = ("-b", "--bind", "--uds", "-u", "--unix-socket")
_BIND = re.compile(r"""^bind\s*=\s*\[?\s*["']([^"']+)["']""", re.MULTILINE)
_SERVERS = ("gunicorn", "uvicorn", "hypercorn", "daphne")
USUAL = "127.0.0.1:8000"
"""Where all of them listen when nothing says otherwise."""


def addresses(unit: Unit, tree: Tree) -> Iterator[str]:
    """As the proxy names them: ``unix//run/shop.sock``, ``127.0.0.1:8000``. Raises OSError."""
    yield from unit.listens
    words = [word for command in unit.commands for word in command.words]
    told = [*_told(words, unit.directory), *_configured(words, unit.directory, tree)]
    ports = [v.value.reveal() for v in unit.variables if v.name == "PORT"]
    told += [f"127.0.0.1:{port}" for port in ports if port.isdecimal()]
    serves = any(posixpath.basename(word) in _SERVERS for word in words)
    yield from told or ([USUAL] if serves and not unit.listens else [])


def _told(words: list[str], directory: str) -> Iterator[str]:
    """By the options of the command. A port alone is one on this machine."""
    for word, after in pairwise([*words, ""]):
        option, equals, value = word.partition("=")
        given = value if equals else after
        if option in _OPTIONS:
            yield from _address(given, directory)
        elif option in ("--port", "-p") and given.isdecimal():
            yield f"127.0.0.1:{given}"


def _configured(words: list[str], directory: str, tree: Tree) -> Iterator[str]:
    """``bind`` of gunicorn's own file: the one it is told, or that in its directory."""
    if not any(posixpath.basename(word) == "gunicorn" for word in words):
        return
    named = [value for option, value in pairwise(words) if option in ("-c", "--config")]
    named += [word.partition("=")[2] for word in words if word.startswith("--config=")]
    path = posixpath.join(directory or "/", (named or ["gunicorn.conf.py"])[0])
    for bind in _BIND.findall(tree.text(path) or ""):
        yield from _address(bind, directory)


def _address(text: str, directory: str) -> Iterator[str]:
    path = text.removeprefix("unix:")
    host, _, port = text.rpartition(":")
    if text.startswith("unix:") or "/" in path:
        yield f"unix/{posixpath.join(directory or '/', path)}"
    elif port.isdecimal():
        everywhere = host in ("", "0.0.0.0", "localhost", "[::]", "[::1]")  # noqa: S104
        yield f"{'127.0.0.1' if everywhere else host}:{port}"
