"""A workflow for a hosted CI, from the manifest: it verifies, and releases from protected branches.

Pure: the same manifest gives the same text. What every one of them keeps to:

- the whole history is fetched, and nothing runs but ``fairlead verify`` and ``fairlead release``;
- a change from a fork or a feature branch is verified by a job that no secret is given to;
- the job with secrets runs for a push to a branch that an environment runs from, and for no other.
"""

import re
from enum import StrEnum

import msgspec

from fairlead import __version__
from fairlead.base.errors import UsageError
from fairlead.manifest.ci import bitbucket, github, gitlab
from fairlead.manifest.ci.wanted import Wanted, packages
from fairlead.manifest.model import App

# What stands in every system's own language without being quoted there.
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")


class Ci(StrEnum):
    """The systems that a workflow can be written for."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    FORGEJO = "forgejo"


class Workflow(msgspec.Struct, frozen=True):
    """A file for a CI, below the repository, and what is left to the person."""

    path: str
    text: str
    todo: tuple[str, ...]


_WRITERS = {
    Ci.GITHUB: (".github/workflows/fairlead.yml", github.github, github.LEFT),
    Ci.FORGEJO: (".forgejo/workflows/fairlead.yml", github.forgejo, github.LEFT_FORGEJO),
    Ci.GITLAB: (".gitlab-ci.yml", gitlab.gitlab, gitlab.LEFT),
    Ci.BITBUCKET: ("bitbucket-pipelines.yml", bitbucket.bitbucket, bitbucket.LEFT),
}


def workflow(ci: Ci, app: App) -> Workflow:
    """The workflow for an app. Raises UsageError when no environment runs from a branch, or one
    has a name that cannot be written there."""
    branches = tuple(sorted({place.branch for place in app.environments if place.branch}))
    if not branches:
        raise UsageError(
            "fairlead.toml: no environment runs from a branch, so there is nothing to release from",
            'say environment.NAME.branch = "main"',
        )
    odd = [branch for branch in branches if not _BRANCH.fullmatch(branch)]
    if odd:
        raise UsageError(
            f"fairlead.toml: a workflow cannot name the branch {odd[0]!r}",
            "call it by letters, digits and . _ / + -",
        )
    path, write, left = _WRITERS[ci]
    wanted = Wanted(f"fairlead=={__version__}", branches, packages(app))
    return Workflow(path, write(wanted), left)
