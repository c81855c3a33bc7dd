"""A person's own clone: what they stand in when they type ``fairlead up``."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from fairlead.base.errors import FairleadError, NotFound, UsageError
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.text import printable
from fairlead.drivers.git.capture import Captured, committed, stashed, uncommitted


class GitWorktree:
    """The clone that a directory lies in. Git runs with the person's own settings here."""

    def __init__(self, directory: Path) -> None:
        found = _git(directory, "rev-parse", "--show-toplevel")
        if found is None:
            raise NotFound(
                f"not in a git repository: {directory}", "git init, and commit what is there"
            )
        self.top = Path(found)

    @property
    def git(self) -> Path:
        """Its git directory."""
        return Path(_git(self.top, "rev-parse", "--absolute-git-dir") or self.top / ".git")

    def head(self) -> CommitId:
        """The commit that is checked out. Raises UsageError before the first commit."""
        found = _git(self.top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if not found:
            raise UsageError(f"nothing is committed yet: {self.top}", "git add -A && git commit")
        return commit_id(found)

    def branch(self) -> str:
        """The branch that is checked out; "" for none."""
        return _git(self.top, "symbolic-ref", "--quiet", "--short", "HEAD") or ""

    def captured(self, stash: str = "", commit: str = "") -> Captured:
        """See ``fairlead.service.ports.Worktree``."""
        if commit:
            return committed(self.top, commit)
        return stashed(self.top, stash) if stash else uncommitted(self.top)

    def dirty(self) -> int:
        """How many files differ from what is committed, untracked ones among them."""
        said = _git(self.top, "status", "--porcelain") or ""
        return len(said.splitlines())

    def show(self, path: str) -> str | None:
        """A file as the checked-out commit has it; None when it has none."""
        return _git(self.top, "show", f"HEAD:{path}")

    def remote(self, name: str, url: str) -> bool:
        """Add a remote, or point it there; True when that changed something."""
        now = _git(self.top, "remote", "get-url", name)
        if now == url:
            return False
        verb = ("add",) if now is None else ("set-url",)
        _git(self.top, "remote", *verb, name, url)
        return True

    def push(self, remote: str, commit: CommitId, branch: str, say: Callable[[str], None]) -> None:
        """Push; ``say`` gets what the hooks say, line by line. Raises FairleadError."""
        argv = ["git", "-C", str(self.top), "push", "--porcelain", remote]
        with subprocess.Popen(
            [*argv, f"{commit}:refs/heads/{branch}"],
            env=_plain(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as pushing:
            last = ""
            for line in pushing.stderr or ():
                last = printable(line.decode(errors="replace").rstrip("\n"))
                if last.startswith(_REMOTE):
                    say(last.removeprefix(_REMOTE).rstrip())
        if pushing.returncode:
            hint = "see what was said above"
            raise FairleadError(f"the push to {printable(branch)} was not accepted: {last}", hint)


_REMOTE = "remote: "


def _git(directory: Path, *arguments: str) -> str | None:
    """What git says; None when it says no."""
    argv = ["git", "-C", str(directory), *arguments]
    try:
        ended = subprocess.run(
            argv, env=_plain(), capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        raise NotFound("there is no git on this machine", "apt install git") from None
    return ended.stdout.decode(errors="replace").rstrip("\n") if ended.returncode == 0 else None


def _plain() -> dict[str, str]:
    """The person's environment, without what a surrounding hook would point elsewhere."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GIT_DIR")} | {"LC_ALL": "C"}
