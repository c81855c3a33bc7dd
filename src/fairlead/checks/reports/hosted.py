"""Which forms of a verdict belong where, in a hosted CI: told by the variables it sets.

Sources: GitHub's "Variables reference", Forgejo's "Forgejo Actions reference", GitLab's
"Predefined CI/CD variables", Atlassian's "Variables and secrets" and "Test reporting in Pipelines".
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Form(StrEnum):
    """What a verdict can be written as."""

    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"
    PLAIN = "plain"


class File(msgspec.Struct, frozen=True):
    """A file that a form is written to; ``add``: behind what is in it."""

    form: Form
    path: str
    add: bool = False


class Hosted(msgspec.Struct, frozen=True):
    """A hosted CI: its name, the form that belongs into its log (None: none), and the files.

    A relative path is below the directory that the job works in. ``commands``: the runner takes
    lines for commands, so those of checks are made harmless.
    """

    name: str
    log: Form | None = None
    files: tuple[File, ...] = ()
    commands: bool = False


def for_ci(environment: Mapping[str, str]) -> Hosted | None:
    """The CI that this runs in; None outside of those that are known."""
    if environment.get("FORGEJO_ACTIONS") == "true" or environment.get("GITEA_ACTIONS") == "true":
        return Hosted("forgejo", None, _step(environment), commands=True)  # it has no annotations
    if environment.get("GITHUB_ACTIONS") == "true":
        return Hosted("github", Form.GITHUB, _step(environment), commands=True)
    if environment.get("GITLAB_CI") == "true":
        files = (File(Form.JUNIT, "fairlead-junit.xml"), File(Form.GITLAB, "fairlead-quality.json"))
        return Hosted("gitlab", files=files)
    if environment.get("BITBUCKET_BUILD_NUMBER"):
        return Hosted("bitbucket", files=(File(Form.JUNIT, "test-results/fairlead.xml"),))
    return None


def _step(environment: Mapping[str, str]) -> tuple[File, ...]:
    path = environment.get("GITHUB_STEP_SUMMARY", "")
    return (File(Form.MARKDOWN, path, add=True),) if path else ()
