"""Where the demo plays: a directory of its own with a clone of the example and a home."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from fairlead.base.errors import FairleadError, NotFound
from fairlead.base.ids import Place
from fairlead.demo import story
from fairlead.desired import read
from fairlead.desired.model import Release
from fairlead.service.ports import Worktree
from fairlead.service.tools import Tools
from fairlead.wire import home_of, tools_of, worktree_of

APP, ENVIRONMENT = "riverside", "local"
PLACE = Place(APP, ENVIRONMENT)


@dataclass(frozen=True)
class Scene:
    """A directory in which the whole path works, apart from everything else."""

    root: Path

    @property
    def clone(self) -> Path:
        """The example, as a person's own clone."""
        return self.root / APP

    def set(self) -> Tools:
        """Lay out the example, commit it, and make a home beside it."""
        ignore = shutil.ignore_patterns("__pycache__", ".*_cache", "staticfiles", "*.sqlite3")
        shutil.copytree(example(), self.clone, ignore=ignore)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("Riverside, as it is")
        return tools_of(home_of(str(self.root / "home")), who="you")

    def worktree(self) -> Worktree:
        """The clone."""
        return worktree_of(self.clone)

    def change(self, name: str, subject: str) -> str:
        """Lay a story over the clone and commit it; the commit."""
        story.lay(name, self.clone)
        return self.commit(subject)

    def undo(self) -> str:
        """Take the last commit back with another, as people do; the commit."""
        self.git("revert", "--no-edit", "HEAD")
        return self.git("rev-parse", "HEAD")

    def commit(self, subject: str) -> str:
        """Commit everything; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        """Git in the clone, with an identity of the demo's own. Raises FairleadError."""
        who = {"GIT_AUTHOR_NAME": "You", "GIT_AUTHOR_EMAIL": "you@localhost"}
        who |= {"GIT_COMMITTER_NAME": "You", "GIT_COMMITTER_EMAIL": "you@localhost"}
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        try:
            done = subprocess.run(
                ["git", "-C", str(self.clone), *words],
                env={**os.environ, **who, **own},
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise NotFound("there is no git on this machine", "apt install git") from None
        if done.returncode:
            raise FairleadError(f"git {words[0]} failed: {done.stderr.strip()}", "report this")
        return done.stdout.strip()


def example() -> Path:
    """Riverside: beside us in an installed Fairlead, or in the repository we are run from."""
    package = Path(__file__).resolve().parents[1]
    for found in (package / "_examples" / APP, package.parents[1] / "examples" / APP):
        if (found / "fairlead.toml").is_file():
            return found
    raise NotFound("the example is not here", "install fairlead again")


def serving(tools: Tools, address: str) -> int:
    """The release that answers, by its own word; 0 when none does."""
    answer = tools.world.http.get(address, "/api/version", 2.0)
    word = answer.body.decode(errors="replace").partition('"release":')[2]
    digits = "".join(c for c in word.partition(",")[0] if c.isdigit())
    return int(digits or 0)


def until_serving(tools: Tools, address: str, number: int, limit: float) -> float:
    """Seconds until that release answers. Raises FairleadError past ``limit``."""
    began = time.monotonic()
    while serving(tools, address) != number:
        if time.monotonic() - began > limit:
            raise FairleadError(
                f"release {number} does not serve after {limit:.0f} s", "report this"
            )
        time.sleep(0.004)
    return time.monotonic() - began


def release_of(tools: Tools, commit: str) -> Release | None:
    """The release that was made of a commit, if any was."""
    for number in reversed(read.releases(tools.deploy.repo.look(), APP)):
        release = tools.world.releases.get(APP, number)
        if release and release.artifact.commit == commit:
            return release
    return None
