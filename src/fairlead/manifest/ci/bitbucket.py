"""Bitbucket Pipelines ("Bitbucket Pipelines configuration reference")."""

from fairlead.manifest.ci.gitlab import on_debian
from fairlead.manifest.ci.wanted import SECRETS, Wanted

LEFT = (
    "Repository settings, Deployments: of production, let only the protected branches deploy, and "
    f"give it the variables {', '.join(SECRETS)}, secured",
    "Repository settings, Branch restrictions: at least one successful build before a merge",
)

_TEXT = """\
# Written by `fairlead init --ci bitbucket`. Every change is verified: no secret is given to that
# step. A push to {branches} is released, by a step of its own.
image: python:3.13-bookworm
clone:
  depth: full # a verdict looks at history

definitions:
  steps:
    - step: &verify
        name: verify
        max-time: 60
        script:
{install}          - fairlead verify
    - step: &release
        name: release
        deployment: production # its variables are given to no other step
        max-time: 60
        script:
{install}          - fairlead release

pipelines:
  default:
    - step: *verify
  pull-requests:
    "**":
      - step: *verify
  branches:
{released}"""
_BRANCH = """\
    {branch}:
      - step: *verify
      - step: *release
"""


def bitbucket(wanted: Wanted) -> str:
    """``bitbucket-pipelines.yml``."""
    return _TEXT.format(
        branches=", ".join(wanted.branches),
        install="".join(f"          - {line}\n" for line in on_debian(wanted)),
        released="".join(_BRANCH.format(branch=f'"{branch}"') for branch in wanted.branches),
    )
