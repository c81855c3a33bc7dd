"""GitLab CI/CD ("CI/CD YAML syntax reference")."""

from fairlead.manifest.ci.wanted import SECRETS, Wanted

LEFT = (
    f"Settings, CI/CD, Variables: {', '.join(SECRETS)}, each protected and for the environment "
    "fairlead only, so that no other branch is given them",
    "Settings, Repository, Protected branches: the branches that release; "
    "Settings, Merge requests: pipelines must succeed",
)

_TEXT = """\
# Written by `fairlead init --ci gitlab`. Every change is verified: no secret is given to that job.
# A push to {branches} is released, by a job of its own.
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS
      when: never
    - if: $CI_COMMIT_BRANCH

stages: [verify, release]

default:
  image: python:3.13-bookworm
  before_script:
{install}
variables:
  GIT_DEPTH: "0" # a verdict looks at history

verify:
  stage: verify
  timeout: 1h
  script:
    - fairlead verify
  artifacts:
    when: always
    reports:
      junit: fairlead-junit.xml
      codequality: fairlead-quality.json

release:
  stage: release
  timeout: 1h
  rules:
{rules}
  environment:
    name: fairlead # its variables are given to no other job
  resource_group: fairlead
  script:
    - fairlead release
"""


def gitlab(wanted: Wanted) -> str:
    """``.gitlab-ci.yml``."""
    rules = (
        f'    - if: $CI_COMMIT_BRANCH == "{branch}" && $CI_COMMIT_REF_PROTECTED == "true"'
        for branch in wanted.branches
    )
    lines = "".join(f"    - {line}\n" for line in on_debian(wanted))
    return _TEXT.format(branches=", ".join(wanted.branches), install=lines, rules="\n".join(rules))


def on_debian(wanted: Wanted) -> tuple[str, ...]:
    """The commands that install what is needed in an image of Python's on Debian, as root."""
    install = f"pip install --root-user-action=ignore {wanted.fairlead}"
    if not wanted.packages:
        return (install,)
    named = " ".join(wanted.packages)
    return f"apt-get update && apt-get install -y --no-install-recommends {named}", install
