"""The deploy repo's driver: look, hold, commit."""

import re
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from fairlead.base.errors import FairleadError, Refused
from fairlead.desired.ports import Commit
from fairlead.drivers.deploy_git.hold import Hold
from fairlead.drivers.deploy_git.look import MACHINE, MACHINE_EMAIL, Blobs, GitLook
from fairlead.drivers.deploy_git.run import Git, GitFailed
from fairlead.drivers.deploy_git.state import BRANCH, Print, State, git_hint, prints, state

PATIENCE = 10.0
_SHA1_DIGITS = 40
_PERSON = re.compile(r"(.*?)\s*<([^<>\s]+)>")


class _Seen(NamedTuple):
    """The newest look. Without a print it was not yet found unmoved."""

    look: GitLook
    state: State
    print: Print | None = None


class GitDeployRepo:
    """A git work tree at ``where``. ``patience`` is how long, in seconds, others may hold it."""

    def __init__(self, where: Path, patience: float = PATIENCE, program: str = "git") -> None:
        self._git = Git(where, program)
        self._writer = Git(where, program)  # its processes hold the lock too
        self._hold = Hold(self._writer, patience)
        self._blobs = Blobs(self._git)
        self._guard = threading.RLock()  # taken after the hold, never before
        self._seen: _Seen | None = None
        self._expected: GitLook | None = None

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
            made = self._land(real, message, who, now)
            commit = Commit(
                made,
                _identity(who)[0],
                ours=True,
                message=message.strip(),
                at=int(now),
                content=None,
            )
            if len(made) == _SHA1_DIGITS:  # in a repository of another hash git is asked again
                self._expected = look.child(commit, real)
            return made

    def tidy(self) -> None:
        """Let git pack what has become much; for a quiet hour."""
        with self.writing("pack its objects"):
            self._writer("-c", "gc.auto=2000", "-c", "gc.autoDetach=false", "gc", "--auto")
            self._writer("commit-graph", "write", "--reachable", "--changed-paths")

    def _look(self) -> GitLook:
        """The print is taken before git is asked: what moves in between is seen next time.

        So a head seen for the first time, of which it is not known what to watch, is asked
        of git twice before the print alone is believed.
        """
        seen, self._seen = self._seen, None
        now = prints(self._git.where, seen.state.upstream, seen.look.watched) if seen else None
        if seen and now == seen.print:
            self._seen = seen
            return seen.look
        found = state(self._git)
        if seen and found == seen.state:
            self._seen = _Seen(seen.look, found, now)
        else:
            self._seen = _Seen(self._at(found.head), found)
        return self._seen.look

    def _at(self, head: str) -> GitLook:
        expected, self._expected = self._expected, None
        if expected and expected.head == head:
            return expected
        return GitLook(self._git, head, self._blobs)

    def _refuse_behind(self) -> None:
        found = self._seen.state if self._seen else None
        if found and found.behind:
            what = f"the deploy repo lacks {found.behind} commits of {found.upstream}: {self.where}"
            raise Refused(what, git_hint(self.where, "pull", "--ff-only"))

    def _land(self, changes: Mapping[str, bytes | None], message: str, who: str, now: float) -> str:
        self._hold.await_locks()
        self._hold.note(changes)
        try:
            self._write(changes)
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

    def _commit(self, paths: list[str], message: str, who: str, now: float) -> str:
        self._writer("add", "--all", "--force", "--", *paths)
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
