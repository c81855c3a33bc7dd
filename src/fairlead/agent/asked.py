"""What the agent is asked by somebody who comes over SSH, and what it answers.

A person's command is parsed and judged here, not in the process that sshd started: that one
runs as the git user, who holds neither the rights nor the record.
"""

import os
import subprocess
import sys
import threading
from typing import IO

import msgspec

from fairlead import __version__
from fairlead.access.command import PUSH, Words
from fairlead.base.door import Talk
from fairlead.base.errors import NotFound
from fairlead.base.ids import name
from fairlead.base.stop import Stop
from fairlead.checks.ports import Sink
from fairlead.service import access
from fairlead.service.tools import Tools

WITHIN = 2.0
"""Seconds that a command gets to end by itself once nobody listens any more."""

_LOOK_EVERY = 0.1


class Asked(msgspec.Struct, frozen=True):
    """A command, as sshd was given it. ``asker`` is the user id of who asks, by the kernel."""

    kind: str
    who: str
    command: str
    asker: int = -1


class GitAsked(msgspec.Struct, frozen=True):
    """May git run? ``verb`` is "push" or "fetch"."""

    kind: str
    who: str
    verb: str
    app: str
    asker: int = -1


class Hail(msgspec.Struct, frozen=True):
    """Is anybody there?"""

    kind: str
    asker: int = -1


def hello(say: Sink) -> int:
    """Which Fairlead this agent is, and where it runs from."""
    say(__version__)
    say(sys.prefix)
    return 0


def answer(tools: Tools, asked: Asked, say: Sink, stop: Stop) -> int:
    """Do what somebody may ask for; the exit code. Raises NotAllowed, UsageError."""
    wanted = access.understood(tools, asked.who, asked.command)
    if isinstance(wanted, Words):
        access.refuse_unless(tools, asked.who, wanted.verb, *wanted.apps, asked=asked.command)
        return _run(tools, asked.who, wanted, say, stop)
    for line in access.greeting(tools, asked.who):
        say(line)
    return 0


def git(tools: Tools, asked: GitAsked) -> int:
    """0 where git may run; the repository of a new app is made at its first push.

    Raises NotAllowed, UsageError, NotFound.
    """
    app = name(asked.app, "an app")
    access.refuse_unless(tools, asked.who, asked.verb, app)
    repository = tools.home.repository(app)
    if asked.verb == PUSH:
        tools.repositories.ensure_repository(repository)
    elif not (repository / "HEAD").exists():
        raise NotFound(f"there is no app {app} here", "its first push makes it")
    return 0


def _run(tools: Tools, who: str, wanted: Words, say: Sink, stop: Stop) -> int:
    """The verb itself, as a process of its own: it may end, or be ended, and the agent goes on."""
    home = str(tools.home.root)
    argv = [sys.executable, "-I", "-m", "fairlead", "--home", home, *wanted.argv]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv,
        env={**kept, "FAIRLEAD_WHO": who, "LANG": "C.UTF-8"},
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        readers = [
            threading.Thread(target=_passed_on, args=(running.stdout, say), daemon=True),
            threading.Thread(target=_passed_on, args=(running.stderr, _talk(say)), daemon=True),
        ]
        for reader in readers:
            reader.start()
        code = _ended(running, stop)
        for reader in readers:
            reader.join()
    return code


def _ended(running: "subprocess.Popen[bytes]", stop: Stop) -> int:
    """Wait for its end; once nobody listens it is asked to end, and then made to."""
    while True:
        try:
            return running.wait(_LOOK_EVERY)
        except subprocess.TimeoutExpired:
            if stop.is_set():
                break
    running.terminate()
    try:
        return running.wait(WITHIN)
    except subprocess.TimeoutExpired:
        running.kill()
        return running.wait()


def _passed_on(lines: IO[bytes], say: Sink) -> None:
    for line in lines:
        say(line.decode(errors="replace").rstrip("\n"))


def _talk(say: Sink) -> Sink:
    return lambda line: say(Talk(line))
