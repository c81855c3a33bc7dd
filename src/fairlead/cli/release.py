"""``fairlead release``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.base.errors import UsageError
from fairlead.cli.group import verb

if TYPE_CHECKING:
    from fairlead.cli.door import Door
    from fairlead.cli.paper import Paper
    from fairlead.service.release import Released

GIVEN = ("FAIRLEAD_SERVER", "FAIRLEAD_SSH_KEY", "FAIRLEAD_KNOWN_HOSTS")
# The branch that a hosted CI runs for; its clone is at a commit, not on a branch.
_BRANCHES = ("GITHUB_REF_NAME", "CI_COMMIT_BRANCH", "BITBUCKET_BRANCH")


@verb("release", "fairlead release", "fairlead release --branch main")
@click.option("--branch", default="", help="Of the server; else the one this CI runs for, or ours.")
def release(door: "Door", branch: str) -> int:
    """Release this commit on a server, from a hosted CI.

    Pushes it to the server's repository, where its checks are asked again, and waits for the
    rollout. FAIRLEAD_SERVER is the server (user@host:port), FAIRLEAD_SSH_KEY a private key that
    may push there, FAIRLEAD_KNOWN_HOSTS the server's own key, as ssh-keyscan prints it.
    """
    from fairlead.service.release import release as ask
    from fairlead.wire import server_of, worktree_of

    given = [os.environ.get(name, "") for name in GIVEN]
    if not all(given):
        lacking = ", ".join(name for name, value in zip(GIVEN, given, strict=True) if not value)
        hint = "give them as secrets to the job that releases; fairlead release --help says what"
        raise UsageError(f"not set: {lacking}", hint)
    clone = worktree_of(Path.cwd())
    found = branch or next((os.environ[n] for n in _BRANCHES if os.environ.get(n)), "")
    meant = found or clone.branch()
    text, commit = clone.show("fairlead.toml"), clone.head()
    end = ask(server_of(*given), clone.git, text, commit, meant, door.say)
    door.show(end, write)
    return 0 if end.well else 1


def write(paper: "Paper", end: "Released") -> None:
    """A line for each environment."""
    for environment, outcome, why in end.places:
        ink = "good" if outcome == "serving" else "warn" if outcome == "waiting" else "bad"
        said = f"{outcome}: {why}" if why else outcome
        paper.line((f"{end.app}/{environment}: release {end.release}: ", "head"), (said, ink))
