"""GitHub Actions ("Workflow syntax for GitHub Actions"), and Forgejo Actions, which follow it."""

from fairlead.manifest.ci.wanted import SECRETS, Wanted

# actions/checkout, by commit: a tag can be moved. v4 is for runners that have no Node 24.
_CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
_CHECKOUT_4 = (
    "https://code.forgejo.org/actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
)
_NODE = frozenset({"nodejs", "npm"})  # Forgejo's own image is Node's
_ON_GITHUB = _NODE | {"postgresql"}  # "Ubuntu 24.04" of actions/runner-images has them
LEFT = (
    "Settings, Environments: make one called fairlead, let only the protected branches deploy to "
    f"it, and give it the secrets {', '.join(SECRETS)}",
    "Settings, Rules: require the check verify before a change is merged",
)
LEFT_FORGEJO = (
    f"Settings, Actions, Secrets: {', '.join(SECRETS)}; changes from forks are not given them, but "
    "whoever may push a branch can write a workflow that reads them: Forgejo knows no secret of "
    "one branch",
    "Settings, Branches: protect the branch, and require the status of verify",
)


def github(wanted: Wanted) -> str:
    """``.github/workflows/fairlead.yml``."""
    install = [f"pipx install {wanted.fairlead}"]
    lacking = " ".join(name for name in wanted.packages if name not in _ON_GITHUB)
    if lacking:
        install.insert(0, f"sudo apt-get update && sudo apt-get install -y {lacking}")
    head = _head("github", wanted, "ubuntu-24.04")
    release = _RELEASE.format(runner="ubuntu-24.04", when=_when(wanted), place=_PLACE)
    steps = _steps(_CHECKOUT, install)
    return f"{head}{steps}      - run: fairlead verify\n{release}{steps}{_released()}"


def forgejo(wanted: Wanted) -> str:
    """``.forgejo/workflows/fairlead.yml``: without the keys that its runner does not know."""
    packages = " ".join(("pipx", *(name for name in wanted.packages if name not in _NODE)))
    install = [
        f"apt-get update && apt-get install -y --no-install-recommends {packages}",
        f"PIPX_BIN_DIR=/usr/local/bin pipx install {wanted.fairlead}",
    ]
    head = _head("forgejo", wanted, "docker")
    release = _RELEASE.format(runner="docker", when=_when(wanted), place="")
    steps = _steps(_CHECKOUT_4, install)
    return f"{head}{steps}      - run: fairlead verify\n{release}{steps}{_released()}"


_HEAD = """\
# Written by `fairlead init --ci {name}`. Every change is verified: no secret is given to that job.
# A push to {branches} is released, by a job of its own.
name: fairlead
on:
  push:
  pull_request: # its merge with the branch it is for
permissions:
  contents: read
jobs:
  verify:
    runs-on: {runner}
    timeout-minutes: 60
    steps:
"""
_RELEASE = """\
  release:
    needs: verify
    if: {when}
    runs-on: {runner}
    timeout-minutes: 60
{place}    steps:
"""
_PLACE = """\
    environment: fairlead # its secrets are given to no other job
    concurrency:
      group: fairlead-release
      cancel-in-progress: false
"""


def _head(name: str, wanted: Wanted, runner: str) -> str:
    return _HEAD.format(name=name, branches=", ".join(wanted.branches), runner=runner)


def _when(wanted: Wanted) -> str:
    refs = [f"github.ref == 'refs/heads/{branch}'" for branch in wanted.branches]
    one = refs[0] if len(refs) == 1 else f"({' || '.join(refs)})"
    return f"github.event_name == 'push' && {one}"


def _steps(checkout: str, install: list[str]) -> str:
    runs = "".join(f"      - run: {command}\n" for command in install)
    return (
        f"      - uses: {checkout}\n        with:\n"
        "          fetch-depth: 0 # a verdict looks at history\n"
        f"          persist-credentials: false\n{runs}"
    )


def _released() -> str:
    given = "".join(f"          {name}: ${{{{ secrets.{name} }}}}\n" for name in SECRETS)
    return f"      - run: fairlead release\n        env:\n{given}"
