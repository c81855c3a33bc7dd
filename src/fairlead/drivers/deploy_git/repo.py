"""The deploy repo's driver: look, hold, commit."""

import re
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import msgspec

from fairlead.base.errors import FairleadError, Refused
from fairlead.desired.ports import Commit
from fairlead.drivers.deploy_git.hold import Hold
from fairlead.drivers.deploy_git.look import MACHINE, MACHINE_EMAIL, Blobs, GitLook
from fairlead.drivers.deploy_git.memory import Known, Memory, hashed
from fairlead.drivers.deploy_git.run import Git, GitFailed
from fairlead.drivers.deploy_git.state import (
    BRANCH,
    COARSE,
    Print,
    State,
    at_rest,
    git_hint,
    prints,
    state,
)

PATIENCE = 10.0
_SHA1_DIGITS = 40
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PERSON = re.compile(r"(.*?)\s*<([^<>\s]+)>")


class _Seen(NamedTuple):
    """The newest look. ``watched`` is the print under which its state was found, at ``at``
    (monotonic seconds); without one it is asked again. ``whole`` is the hash of the whole print,
    "" while a change might still leave the same."""

    look: GitLook
    state: State
    watched: Print | None = None
    whole: str = ""
    at: float = 0.0


class GitDeployRepo:
    """A git work tree at ``where``. ``patience`` is how long, in seconds, others may hold it."""

    def __init__(self, where: Path, patience: float = PATIENCE, program: str = "git") -> None:
        self._git = Git(where, program)
        self._writer = Git(where, program)  # its processes hold the lock too
        self._hold = Hold(self._writer, patience)
        self._blobs = Blobs(self._git)
        self._guard = threading.RLock()  # taken after the hold, never before
        self._seen: _Seen | None = None
        self._made: GitLook | None = None  # the look after our own last commit
        self._memory = Memory(where)
        self._kept: tuple[str, tuple[int, ...], str] | None = None  # what the memory was given last

    @property
    def where(self) -> str:
        """The work tree's path, for hints."""
        return str(self._git.where)

    @property
    def _branch_file(self) -> Path:
        return self._git.where / ".git" / "refs" / "heads" / BRANCH

    def ensure(self, files: Mapping[str, bytes], now: float) -> None:
        """Make the repository with these files in its first commit, unless it is there."""
        if self._branch_file.is_file():
            return  # what is there need not be held: looking at a home waits for no writer
        git = self._git.where / ".git"
        if not ((git / "HEAD").exists() and (git / "config").exists()):
            self._git.where.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet", "--template=", f"--initial-branch={BRANCH}")
        with self._hold.taken("make its first commit"):
            if not self._git.succeeds("rev-parse", "--verify", "--quiet", "HEAD"):
                self._write(files)
                self._add(list(files))
                self._commit(list(files), "The deploy repo of this Fairlead", MACHINE, now)

    def look(self) -> GitLook:
        """The repository at its head. Raises Refused, saying why it cannot be taken as it is."""
        try:
            with self._guard:
                return self._look()
        except Refused:
            if not (self._git.where / ".git").is_dir():
                raise
        # Perhaps a writer is in the middle of its commit, or was killed there.
        with self._hold.taken("look again"), self._guard:
            return self._look()

    def writing(self, what: str) -> AbstractContextManager[None]:
        """Hold the repository against other writers. Raises Busy when it stays held."""
        if not (self._git.where / ".git").is_dir():
            state(self._git)  # says that there is none
        return self._hold.taken(what)

    def commit(
        self, changes: Mapping[str, bytes | None], message: str, who: str, now: float
    ) -> str:
        """Write these files as one commit by ``who``; the commit's id."""
        with self.writing(message.partition("\n")[0]), self._guard:
            look = self._look()
            self._refuse_behind()
            real = {path: data for path, data in changes.items() if look.read(path) != data}
            if not real:
                return look.head
            new = [path for path in real if path not in look.tree]
            made = self._land(real, new, message, who, now)
            commit = Commit(
                made,
                _identity(who)[0],
                ours=True,
                message=message.strip(),
                at=int(now),
                content=None,
            )
            if len(made) == _SHA1_DIGITS:  # in a repository of another hash git is asked again
                self._made = look.child(commit, real)
                self._remember(self._made)
            return made

    def tidy(self) -> None:
        """Let git pack what has become much; for a quiet hour."""
        with self.writing("pack its objects"):
            self._writer("-c", "gc.auto=2000", "-c", "gc.autoDetach=false", "gc", "--auto")
            self._writer("commit-graph", "write", "--reachable", "--changed-paths")

    def _look(self) -> GitLook:
        """The newest look while nothing has moved, else a new one."""
        seen, self._seen = self._seen, None
        if seen is None or self._moved(seen):
            seen = self._asked(seen)
        self._seen = seen
        if seen.watched:
            self._remember(seen.look, seen.state, seen.whole)
        return seen.look

    def _moved(self, seen: _Seen) -> bool:
        if not seen.whole and time.monotonic() > seen.at + COARSE:
            return True
        return seen.watched != prints(self._git.where, seen.state.upstream, seen.look.watched)

    def _asked(self, seen: _Seen | None) -> _Seen:
        """What git says, or what it said to another process if nothing has moved since."""
        known = self._memory.load()
        self._blobs.take(known.blobs)
        look = self._likely(seen, known)
        if look:
            return self._printed(look, seen, known)
        found = state(self._git)
        return _Seen(self._at(found.head, seen, known), found)

    def _printed(self, look: GitLook, seen: _Seen | None, known: Known) -> _Seen:
        """The print is taken before git is asked: what moves in between is seen next time."""
        before = seen.state if seen else known.state
        upstream, at, now = before.upstream if before else "", time.monotonic(), time.time_ns()
        whole = prints(self._git.where, upstream, (*look.watched, *look.unwatched))
        sure = at_rest(whole, now)
        if known.state and (known.head, known.print) == (look.head, hashed(whole)):
            found = known.state
        else:
            found = state(self._git)
        if (found.head, found.upstream) != (look.head, upstream):
            return _Seen(self._at(found.head, seen, known), found)
        watched = whole[: len(whole) - len(look.unwatched)]
        return _Seen(look, found, watched, hashed(whole) if sure else "", at)

    def _likely(self, seen: _Seen | None, known: Known) -> GitLook | None:
        """The look at what is probably the head, its files known; None without one."""
        head = self._branch_head() or (seen.look.head if seen else known.head)
        look = self._at(head, seen, known)
        try:
            return look if head and look.tree else None
        except GitFailed:
            return None

    def _branch_head(self) -> str:
        """The branch's commit by its own file; "" where git has packed it away."""
        try:
            head = self._branch_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""
        return head if _ID.fullmatch(head) else ""

    def _at(self, head: str, seen: _Seen | None, known: Known) -> GitLook:
        for look in (self._made, seen.look if seen else None):
            if look and look.head == head:
                return look
        return GitLook(self._git, head, self._blobs, known)

    def _remember(self, look: GitLook, found: State | None = None, whole: str = "") -> None:
        """Keep what was learned for the next process, whenever there is more of it."""
        mark = (look.head, look.asked, whole)
        if mark != self._kept:
            self._kept = mark
            known = look.known
            self._memory.keep(msgspec.structs.replace(known, state=found, print=whole))

    def _refuse_behind(self) -> None:
        found = self._seen.state if self._seen else None
        if found and found.behind:
            what = f"the deploy repo lacks {found.behind} commits of {found.upstream}: {self.where}"
            raise Refused(what, git_hint(self.where, "pull", "--ff-only"))

    def _land(
        self,
        changes: Mapping[str, bytes | None],
        new: list[str],
        message: str,
        who: str,
        now: float,
    ) -> str:
        self._hold.await_locks()
        self._hold.note(changes)
        try:
            self._write(changes)
            self._add(new)
            made = self._commit(list(changes), message, who, now)
        except (OSError, GitFailed) as error:
            self._hold.undo()
            raise self._refused(error) from error
        self._hold.clear()
        return made

    def _write(self, changes: Mapping[str, bytes | None]) -> None:
        for path, data in changes.items():
            file = self._git.where / path
            if data is None:
                file.unlink(missing_ok=True)
                continue
            self._refuse_link(file)
            file.parent.mkdir(parents=True, exist_ok=True)
            self._hold.write(file, data)

    def _refuse_link(self, file: Path) -> None:
        if not file.parent.resolve().is_relative_to(self._git.where.resolve()):
            what = f"a link in the deploy repo leads out of it: {file.parent}"
            raise Refused(what, git_hint(self.where, "log", "--", str(file.parent)))

    def _add(self, paths: list[str]) -> None:
        """Tell git of new files: those it knows it commits by their names."""
        if paths:
            self._writer("add", "--all", "--force", "--", *paths)

    def _commit(self, paths: list[str], message: str, who: str, now: float) -> str:
        self._writer(
            "commit",
            "--quiet",
            "--no-verify",
            "--cleanup=verbatim",
            "--file=-",
            "--only",  # nothing a person staged meanwhile
            "--",
            *paths,
            stdin=f"{message}\n".encode(),
            environment=_identities(who, now),
        )
        return self._branch_file.read_text(encoding="ascii").strip()

    def _refused(self, error: OSError | GitFailed) -> FairleadError:
        said = error.said if isinstance(error, GitFailed) else str(error.strerror)
        what = f"the deploy repo took no commit: {self.where}: {said}"
        return Refused(what, git_hint(self.where, "status"))


def _identities(who: str, now: float) -> dict[str, str]:
    name, email = _identity(who)
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_AUTHOR_DATE": f"@{int(now)} +0000",
        "GIT_COMMITTER_NAME": MACHINE,
        "GIT_COMMITTER_EMAIL": MACHINE_EMAIL,
        "GIT_COMMITTER_DATE": f"@{int(now)} +0000",
    }


def _identity(who: str) -> tuple[str, str]:
    """A name and an address git takes: ``Ada <ada@example.org>``, or only a name."""
    plain = "".join(c for c in who if c.isprintable())
    found = _PERSON.fullmatch(plain)
    name = (found.group(1) if found else plain).translate({60: None, 62: None})
    name = name.strip(" .,:;\"'\\") or MACHINE
    if found:
        return name, found.group(2)
    local = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")
    return name, f"{local or 'person'}@localhost"
