"""Where hooks of git ask the agent, and who comes over SSH (``base.door`` says how)."""

import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from fairlead.agent.asked import Asked, GitAsked, Hail
from fairlead.agent.receive import Question
from fairlead.base.door import Talk
from fairlead.base.errors import FairleadError, NotAllowed, UsageError
from fairlead.base.stop import Stop
from fairlead.checks.ports import Sink

Asking = Question | Asked | GitAsked | Hail
Answer = Callable[[Asking, Sink, Stop], int]
"""Says what there is to say, line by line, and gives the exit code."""

AT_ONCE = 32
"""Questions that are answered at once; those past it wait at the door."""

_LONGEST = 1 << 20
_KINDS: dict[str, type[Asking]] = {
    "hook": Question,
    "command": Asked,
    "git": GitAsked,
    "hail": Hail,
}
_PEER = struct.Struct("3i")  # unix(7), SO_PEERCRED: pid, uid, gid


class Guest(NamedTuple):
    """A user who may ask too, and is told apart from the owner: their rights are looked at."""

    uid: int
    gid: int


class _Kind(msgspec.Struct, frozen=True):
    kind: str = "hook"


class Door:
    """A stream socket at ``path``, which others than the owner and the ``guest`` may not reach."""

    def __init__(self, path: Path, answer: Answer, guest: Guest | None = None) -> None:
        self._answer = answer
        self._may = {0, os.geteuid(), *([guest.uid] if guest else [])}
        self._room = threading.Semaphore(AT_ONCE)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        # Nobody connects before listen(2), so nobody came in by the mode it had.
        os.chmod(path, 0o660 if guest else 0o600)
        if guest:
            os.chown(path, -1, guest.gid)
        self._socket.listen(AT_ONCE)

    def open(self) -> None:
        """Answer from now on, in threads of its own that end with the process."""
        threading.Thread(target=self._serve, name="door", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._room.acquire()
            line, _ = self._socket.accept()
            threading.Thread(target=self._one, args=(line,), daemon=True).start()

    def _one(self, line: socket.socket) -> None:
        try:
            with line:
                self._heard(line)
        except OSError:
            pass  # who asked went away
        finally:
            self._room.release()

    def _heard(self, line: socket.socket) -> None:
        with line.makefile("rb") as words:
            first = words.readline(_LONGEST)
        gone = threading.Event()
        threading.Thread(target=_until_gone, args=(line, gone), daemon=True).start()
        say = _Lines(line, gone)
        try:
            code = self._answer(self._question(line, first), say, gone)
        except FairleadError as error:
            say(str(error))
            code = error.exit_code
        except Exception as error:  # noqa: BLE001  a mistake of ours must not stop the agent
            sys.stderr.write(f"door: {type(error).__name__}: {error}\n")
            say(f"{type(error).__name__}: {error}\n\nhint: report this")
            code = 1
        say.end(code)

    def _question(self, line: socket.socket, first: bytes) -> Asking:
        """What is asked, and by which user: that is the kernel's word, not the question's."""
        _, uid, _ = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in self._may:
            raise NotAllowed(f"user {uid} may not ask the agent", "come over SSH, or as root")
        kind = _KINDS.get(msgspec.json.decode(first, type=_Kind).kind)
        if kind is None:
            what = "the agent does not know this question: it is of another Fairlead"
            raise UsageError(what, "fairlead server doctor")
        return msgspec.structs.replace(msgspec.json.decode(first, type=kind), asker=uid)


class _Lines:
    """What is said, to the other side; nothing once that is gone. Several threads may speak."""

    def __init__(self, line: socket.socket, gone: threading.Event) -> None:
        self._line = line
        self._gone = gone
        self._speaking = threading.Lock()

    def __call__(self, text: str) -> None:
        self._send({"talk" if isinstance(text, Talk) else "say": str(text)})

    def end(self, code: int) -> None:
        """The last word."""
        self._send({"exit": code})

    def _send(self, said: dict[str, str | int]) -> None:
        with self._speaking:
            try:
                self._line.sendall(msgspec.json.encode(said) + b"\n")
            except OSError:
                self._gone.set()


def _until_gone(line: socket.socket, gone: threading.Event) -> None:
    """Say when the other side is gone: it has nothing more to ask, so it only ever closes."""
    with contextlib.suppress(OSError):
        line.recv(1)
    gone.set()
