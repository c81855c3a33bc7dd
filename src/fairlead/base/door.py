"""The agent's door: a hook of git asks, or who comes over SSH, and the agent answers line by line.

One JSON object on a line asks; each line that comes back is ``{"say": TEXT}``, or ``{"talk":
TEXT}`` for what belongs on standard error, and the last is ``{"exit": CODE}``. A hook starts at
every push, so this side needs little to be loaded.
"""

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from fairlead.base.errors import NotFound, Unknown

QUARANTINE = ("GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
"""By these git finds what a push brings while it is received (git-receive-pack(1))."""

AGENT_WITHIN = 10.0
"""Seconds an agent that died may be away: its supervisor starts it again."""

_LOOK_EVERY = 0.02


class Talk(str):
    """A line that belongs on standard error."""

    __slots__ = ()


def ask(door: Path, question: Mapping[str, object], within: float) -> Iterator[str | int]:
    """What the agent says, line by line, and at the end its exit code.

    Waits ``within`` seconds for an agent to be there. Raises NotFound when none is, Unknown
    when it went away before its last word.
    """
    with _connected(door, within) as line:
        for said in _answers(line, json.dumps(question).encode()):
            if "exit" in said:
                yield int(said["exit"])
                return
            yield Talk(said["talk"]) if "talk" in said else str(said["say"])
    raise Unknown("the agent went away before it had answered", "fairlead status")


def _answers(line: socket.socket, question: bytes) -> Iterator[dict[str, str | int]]:
    """Every whole line that comes back; how a line broke off says nothing more."""
    with contextlib.suppress(OSError), line.makefile("rb") as answers:
        line.sendall(question + b"\n")
        for answer in answers:
            if answer.endswith(b"\n"):
                yield json.loads(answer)


def _connected(door: Path, within: float) -> socket.socket:
    deadline = time.monotonic() + within
    while True:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.connect(str(door))
        except OSError:
            line.close()
            if time.monotonic() > deadline:
                raise NotFound("no agent is running", "fairlead agent start") from None
            time.sleep(_LOOK_EVERY)
        else:
            return line
