"""A unit's command as a role's: the same program and options, listening where it is told: pure.

Options by the servers' own documentation: gunicorn, uvicorn, hypercorn, daphne, celery.
"""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fairlead.adopt.model import Living, Unit
from fairlead.manifest.guess.procfile import ONCE
from fairlead.manifest.guess.servers import below

# Each server: options that say where it listens, how it is told to listen on a socket, and
# options that name a file or a user of the machine, which a release has no use for.
_SERVERS = {
    "gunicorn": (("-b", "--bind"), "--bind unix:{socket}"),
    "uvicorn": (("--host", "--port", "--uds", "--fd"), "--uds {socket}"),
    "hypercorn": (("-b", "--bind"), "--bind unix:{socket}"),
    "daphne": (("-b", "--bind", "-p", "--port", "-u", "--unix-socket", "--fd"), "-u {socket}"),
}
_FILES = {
    "gunicorn": ("-p", "--pid", "-u", "--user", "-g", "--group", "-m", "--umask", "--log-file",
                 "--access-logfile", "--error-logfile", "--env", "-e"),
    "uvicorn": ("--env-file", "--ssl-keyfile", "--ssl-certfile"),
    "celery": ("--pidfile", "-f", "--logfile", "--uid", "--gid", "-s", "--schedule", "--workdir"),
    "daphne": ("--access-log",),
    "hypercorn": ("--pid", "-p", "--access-logfile", "--error-logfile"),
}  # fmt: skip
_ALONE = {"gunicorn": ("-D", "--daemon", "--reload"), "uvicorn": ("--reload",), "celery": ("-D",)}
_PYTHON = re.compile(r"python(?:\d(?:\.\d+)?)?")
_NODE = ("node", "nodejs", "npm", "npx", "yarn", "pnpm", "bun", "deno")


class Told(NamedTuple):
    """A role as a unit tells it: its name, its command, what it is (web, worker, clock), and
    what of the unit's command was left out."""

    role: str
    command: str
    kind: str
    left_out: tuple[str, ...]


def program_of(words: Sequence[str]) -> str:
    """What a command runs: ``gunicorn`` of ``/srv/shop/.venv/bin/python -m gunicorn …``."""
    first = posixpath.basename(words[0]) if words else ""
    if _PYTHON.fullmatch(first) and len(words) > 2 and words[1] == "-m":
        return words[2].partition(".")[0]
    return first


def plain_words(words: Sequence[str], clone: str) -> tuple[str, ...]:
    """The words as a release has them: programs by name, paths of the clone below the tree."""
    named = [posixpath.basename(words[0]), *words[1:]]
    if _PYTHON.fullmatch(named[0]):
        if len(named) > 2 and named[1] == "-m" and named[2] in (*_SERVERS, "celery"):
            named = named[2:]
        elif len(named) > 1 and "/bin/" in named[1]:
            named = [posixpath.basename(named[1]), *named[2:]]
        else:
            named[0] = "python3" if named[0].startswith("python3") else "python"
    return tuple(_inside(word, clone) for word in named)


def _inside(word: str, clone: str) -> str:
    """``/srv/shop/conf/gunicorn.py`` as ``conf/gunicorn.py``."""
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    if value == clone:
        value = "."
    return f"{option}{equals}{value.removeprefix(f'{clone}/')}"


def told(unit: Unit, living: Living) -> Told | None:
    """The role that a unit's command tells of; None for one that is not understood."""
    words = unit.commands[0].words if unit.commands else ()
    if not words:
        return None
    clone = living.clone.path
    program, plain = program_of(words), plain_words(words, clone)
    base = unit.directory.removeprefix(clone).strip("/") if unit.directory.startswith(clone) else ""
    if program in _SERVERS:
        return _served(program, plain, base)
    if program == "celery":
        return _celery(unit, plain, base)
    if program in _NODE:
        return Told("web", f"env PORT={{port}} {shlex.join(plain)}", "web", ())
    return _other(unit, plain, base)


def _served(program: str, words: tuple[str, ...], base: str) -> Told:
    addresses, listening = _SERVERS[program]
    left, files = _without(words[1:], (*addresses, *_FILES.get(program, ())), _ALONE.get(program))
    out = tuple(option for option in files if option.partition("=")[0].split()[0] not in addresses)
    if program == "uvicorn" and not any(w.startswith("--forwarded-allow-ips") for w in left):
        # It believes X-Forwarded-… of 127.0.0.1 only, and a socket's peer has no address.
        listening += " --forwarded-allow-ips '*'"
    command = " ".join(filter(None, [program, listening, shlex.join(left)]))
    return Told("web", below(base, command), "web", out)


def _celery(unit: Unit, words: tuple[str, ...], base: str) -> Told:
    left, out = _without(words[1:], _FILES["celery"], _ALONE["celery"])
    beats = "beat" in left and "worker" not in left
    role = "clock" if beats else _role_name(unit.name, "worker")
    schedule = " --schedule {data}/celerybeat-schedule" if beats else ""
    command = below(base, f"celery {shlex.join(left)}{schedule}")
    return Told(role, command, "clock" if beats else "worker", out)


def _other(unit: Unit, words: tuple[str, ...], base: str) -> Told:
    """Any other program: one that is told its port takes traffic, and another is a worker."""
    command = shlex.join(words)
    if any(variable.name == "PORT" for variable in unit.variables):
        return Told("web", below(base, f"env PORT={{port}} {command}"), "web", ())
    clock = bool(ONCE.search(unit.name))
    started = (
        f"sh -c {shlex.quote(f'cd {shlex.quote(base)} && exec {command}')}" if base else command
    )
    role = _role_name(unit.name, "clock" if clock else "worker")
    return Told(role, started, "clock" if clock else "worker", ())


def _role_name(unit: str, usual: str) -> str:
    """``worker``, or what tells this unit from its like: ``mail`` of ``shop-mail.service``."""
    stem = unit.rpartition(".")[0].rpartition("@")[0] or unit.rpartition(".")[0]
    last = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-").rsplit("-", 1)[-1]
    known = ("celery", "worker", "workers", "celeryd", "queue")
    fine = re.fullmatch(r"[a-z][a-z0-9]{0,30}", last)
    return last if fine and "-" in stem and last not in known else usual


def _without(
    words: Sequence[str], options: Sequence[str], alone: Sequence[str] | None
) -> tuple[list[str], tuple[str, ...]]:
    """The words without some options and their values, and what went."""
    left: list[str] = []
    gone: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in options:
            gone.append(" ".join([word, *_next(rest)]))
        elif word.partition("=")[0] in options or _glued(word, options) or word in (alone or ()):
            gone.append(word)
        else:
            left.append(word)
    return left, tuple(gone)


def _next(words: Iterator[str]) -> list[str]:
    return [word for word in [next(words, "")] if word]


def _glued(word: str, options: Sequence[str]) -> bool:
    """``-b127.0.0.1:8000``: a short option with its value."""
    return not word.startswith("--") and len(word) > 2 and word[:2] in options
