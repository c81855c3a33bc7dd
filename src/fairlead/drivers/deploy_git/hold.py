"""One writer at a time, and what a writer that was killed leaves behind.

A writer holds an flock (released by the kernel with its last holder; the git processes it
starts hold it too, so whoever gets it knows that none of them lives). Before it touches the
work tree it writes down the files it is about to change. Who finds such a note finds the
traces of a writer that was killed, and can undo exactly those: each file goes back to what is
committed, be that before or after the commit landed. Nothing a person did is touched.
"""

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from fairlead.base.errors import Busy, Refused
from fairlead.drivers.deploy_git.run import Git, write_whole
from fairlead.drivers.deploy_git.state import BRANCH, git_hint

_POLL = 0.005
_LOCKS = ("index.lock", "HEAD.lock", f"refs/heads/{BRANCH}.lock")


class Hold:
    """The writers' lock of one repository. One thread of a process holds it at a time."""

    def __init__(self, git: Git, patience: float) -> None:
        self._git = git
        self._patience = patience
        self._thread = threading.RLock()
        self._nested = False
        self._directory = git.where / ".git" / "fairlead"

    @contextmanager
    def taken(self, what: str) -> Iterator[None]:
        """Hold it. Raises Busy, saying who has it, after the patience is over."""
        if not self._thread.acquire(timeout=self._patience):
            raise Busy(f"the deploy repo is being written by another thread: {self._git.where}")
        try:
            with nullcontext() if self._nested else self._flocked(what):
                yield
        finally:
            self._thread.release()

    @contextmanager
    def _flocked(self, what: str) -> Iterator[None]:
        self._directory.mkdir(exist_ok=True)
        file = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(file)
            os.truncate(file, 0)
            os.pwrite(file, f"process {os.getpid()}, to {what}".encode(), 0)
            self._git.passed = (file,)
            self._nested = True
            self._recover()
            yield
        finally:
            self._nested = False
            self._git.passed = ()
            os.close(file)

    def _wait(self, file: int) -> None:
        until = time.monotonic() + self._patience
        while not _locked(file):
            if time.monotonic() > until:
                by = os.pread(file, 500, 0).decode("utf-8", "replace")
                what = f"the deploy repo is being written by {by}: {self._git.where}"
                raise Busy(what, "try again; if that process hangs, end it")
            time.sleep(_POLL)

    def note(self, changes: Mapping[str, bytes | None]) -> None:
        """Write down what is about to be changed."""
        files = {path: _hash(data) for path, data in changes.items()}
        self.write(self._directory / "writing", json.dumps(files).encode())

    def write(self, path: Path, data: bytes) -> None:
        """Replace a file in one step; what a killed writer leaves of it lies inside .git."""
        write_whole(path, data, self._directory)

    def clear(self) -> None:
        """It is done, and committed."""
        (self._directory / "writing").unlink()

    def undo(self) -> None:
        """Put every noted file back to what is committed."""
        files = self._noted()
        committed = set(self._tracked("ls-tree", "-z", "--name-only", "HEAD", *files))
        back = [path for path in files if path in committed and self._is_ours(path, files[path])]
        gone = [p for p in files if p not in committed and self._is_ours(p, files[p])]
        if back:
            self._git("restore", "--source=HEAD", "--staged", "--worktree", "--", *back)
        if gone:
            self._git("rm", "--quiet", "--cached", "--force", "--ignore-unmatch", "--", *gone)
        for path in gone:
            (self._git.where / path).unlink(missing_ok=True)
        self.clear()

    def _tracked(self, *arguments: str) -> list[str]:
        return self._git(*arguments).decode("utf-8", "surrogateescape").split("\0")

    def _recover(self) -> None:
        if (self._directory / "writing").exists():
            self._end_locks()
            self.undo()
            for path in self._directory.glob("*.tmp"):
                path.unlink(missing_ok=True)

    def _noted(self) -> dict[str, str]:
        note = self._directory / "writing"
        try:
            told = json.loads(note.read_text(encoding="utf-8"))
            return {str(path): str(digest) for path, digest in told.items()}
        except (ValueError, AttributeError) as error:
            what = f"the note of an interrupted write cannot be read: {note}"
            hint = f"{git_hint(self._git.where, 'status')}; put things right, then remove the note"
            raise Refused(what, hint) from error

    def _is_ours(self, path: str, written: str) -> bool:
        """Whether the file on disk is as the killed writer left it, not edited since."""
        try:
            found = _hash((self._git.where / path).read_bytes())
        except OSError:
            found = ""
        return found == written or self._git.succeeds("diff", "--quiet", "HEAD", "--", path)

    def await_locks(self) -> None:
        """Wait for a person's git to end. Raises Refused when its lock stays."""
        until = time.monotonic() + self._patience
        while left := self._left_locks():
            if time.monotonic() > until:
                working = git_at_work(self._git.where)
                who = f"process {working}" if working else "a git that was interrupted"
                hint = f"end process {working}" if working else f"rm {left[0]}"
                raise Refused(f"the deploy repo is locked by {who}: {left[0]}", hint)
            time.sleep(_POLL)

    def _end_locks(self) -> None:
        """Remove the locks of the git processes that were killed with their writer."""
        until = time.monotonic() + self._patience
        while working := git_at_work(self._git.where):
            if time.monotonic() > until:
                what = f"git is at work in the deploy repo: {self._git.where}, process {working}"
                raise Busy(what, "let it end, or end it")
            time.sleep(_POLL)
        for path in self._left_locks():
            path.unlink(missing_ok=True)

    def _left_locks(self) -> list[Path]:
        git = self._git.where / ".git"
        return [path for path in map(git.joinpath, _LOCKS) if path.exists()]


def git_at_work(where: Path) -> int:
    """The id of a git process whose directory is in the work tree; 0 for none (proc(5))."""
    real = str(where.resolve())
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_git = (entry / "comm").read_text().startswith("git")
            if is_git and f"{(entry / 'cwd').readlink()}/".startswith(f"{real}/"):
                return int(entry.name)
    return 0


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _hash(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()
