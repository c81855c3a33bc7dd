"""Run git, and let nothing but the repository say how: no user settings, hooks or signing."""

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairlead.base.errors import FairleadError

# What a repository's own config could otherwise start or change.
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.quotePath": "false",
    "core.fsync": "committed,index,reference",  # a commit that was told of survives a power cut
    "commit.gpgSign": "false",
    "log.showSignature": "false",
    "gc.auto": "0",  # `tidy` does it, when nobody waits
    "maintenance.auto": "false",
}
_LIMIT = 60.0
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


class GitFailed(FairleadError):
    """Git ended with an error; ``said`` is what it printed."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"git {command} failed: {said or 'it said nothing'}")
        self.said = said


class Git:
    """Git in one work tree. ``passed`` are descriptors that its processes hold too."""

    def __init__(self, where: Path, program: str = "git") -> None:
        self.where = where
        self.passed: tuple[int, ...] = ()
        settings = [part for item in _SETTINGS.items() for part in ("-c", "=".join(item))]
        self._start = [program, "--no-pager", *settings]
        self._environment = _environment(where)

    def __call__(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> bytes:
        """What git prints. Raises GitFailed."""
        try:
            done = self._run(arguments, stdin, {**self._environment, **(environment or {})})
        except FileNotFoundError as error:
            raise self._cannot_start(error) from error
        except subprocess.TimeoutExpired as error:
            raise GitFailed(arguments[0], f"no end after {_LIMIT:.0f} s") from error
        if done.returncode != 0:
            raise GitFailed(arguments[0], done.stderr.decode("utf-8", "replace").strip()[-600:])
        return done.stdout

    def text(self, *arguments: str) -> str:
        """What git prints, without the last newline."""
        return self(*arguments).decode("utf-8", "replace").removesuffix("\n")

    def succeeds(self, *arguments: str) -> bool:
        """Whether git ends with 0."""
        try:
            self(*arguments)
        except GitFailed:
            return False
        return True

    def _run(
        self, arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*self._start, *arguments],
            cwd=self.where,
            env=environment,
            input=stdin,
            capture_output=True,
            timeout=_LIMIT,
            check=False,
            pass_fds=self.passed,
        )

    def _cannot_start(self, error: FileNotFoundError) -> FairleadError:
        if not self.where.is_dir():
            return GitFailed("", f"there is no directory {self.where}")
        return FairleadError(f"git cannot be started: {error.filename}", "apt install git")


def write_whole(path: Path, data: bytes, through: Path) -> None:
    """Replace a file in one step, by way of a directory: no reader ever sees half of it."""
    temporary = through / f"{os.getpid()}-{threading.get_ident()}.tmp"
    temporary.write_bytes(data)
    temporary.replace(path)


def _environment(where: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(where.parent),  # never a repository around the home
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "false",
        "LC_ALL": "C",
        "TZ": "UTC",
    }
