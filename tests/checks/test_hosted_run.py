"""What a run of a hosted CI is for, by its variables."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.checks.ports import ForgeAt
from fairlead.checks.reports import HostedRun, hosted_run

HEAD, MERGE = "3f" * 20, "4a" * 20
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "team/shop",
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_NUMBER": "5",
    "GITHUB_SHA": MERGE,
    "GITHUB_REF": "refs/pull/12/merge",
}
FORGEJO = GITHUB | {
    "FORGEJO_ACTIONS": "true",
    "GITHUB_API_URL": "https://git.example/api/v1",
    "GITHUB_SERVER_URL": "https://git.example",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": "https://git.example/api/v4",
    "CI_PROJECT_ID": "42",
    "CI_COMMIT_SHA": MERGE,
    "CI_JOB_URL": "https://git.example/team/shop/-/jobs/9",
}
MERGE_REQUEST = {"CI_MERGE_REQUEST_IID": "12", "CI_MERGE_REQUEST_PROJECT_ID": "7"}
BITBUCKET = {
    "BITBUCKET_BUILD_NUMBER": "5",
    "BITBUCKET_REPO_FULL_NAME": "team/shop",
    "BITBUCKET_COMMIT": HEAD,
}
EVENT = {"action": "opened", "pull_request": {"number": 12, "head": {"sha": HEAD, "ref": "x"}}}
PAGE = "https://github.com/team/shop/actions/runs/77"
AT_GITHUB = ForgeAt("github", "team/shop", "https://api.github.com")
AT_GITLAB = ForgeAt("gitlab", "42", "https://git.example/api/v4")
AT_BITBUCKET = ForgeAt("bitbucket", "team/shop")


@pytest.mark.parametrize(
    ("environment", "event", "run"),
    [
        (GITHUB, EVENT, HostedRun(AT_GITHUB, HEAD, "12", PAGE)),
        (GITHUB, None, HostedRun(AT_GITHUB, "", "12", PAGE)),
        (
            GITHUB | {"GITHUB_REF": "refs/heads/main"},  # pull_request_target
            EVENT,
            HostedRun(AT_GITHUB, HEAD, "12", PAGE),
        ),
        (
            GITHUB | {"GITHUB_REF": "refs/heads/main"},
            {"after": HEAD},
            HostedRun(AT_GITHUB, MERGE, "", PAGE),
        ),
        (
            FORGEJO | {"GITHUB_REF": "refs/pull/12/head"},
            EVENT,
            HostedRun(
                ForgeAt("forgejo", "team/shop", "https://git.example/api/v1"),
                HEAD,
                "12",
                "https://git.example/team/shop/actions/runs/5",
            ),
        ),
        (GITLAB, None, HostedRun(AT_GITLAB, MERGE, "", GITLAB["CI_JOB_URL"])),
        (
            GITLAB | MERGE_REQUEST | {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD},
            None,
            HostedRun(
                ForgeAt("gitlab", "7", "https://git.example/api/v4"),
                HEAD,
                "12",
                GITLAB["CI_JOB_URL"],
            ),
        ),
        (
            BITBUCKET | {"BITBUCKET_PR_ID": "12"},
            None,
            HostedRun(
                AT_BITBUCKET, HEAD, "12", "https://bitbucket.org/team/shop/pipelines/results/5"
            ),
        ),
    ],
)
def test_the_commit_is_the_head_of_what_was_proposed(
    environment: dict[str, str], event: Any, run: HostedRun
) -> None:
    """Never the merge that the CI made of it; with the number and the project it is for."""
    assert hosted_run(environment, json.dumps(event).encode()) == run


@pytest.mark.parametrize("environment", [GITHUB, FORGEJO, GITLAB, BITBUCKET])
def test_a_ci_that_does_not_say_where_its_forge_is_is_none(environment: dict[str, str]) -> None:
    """Else the token for one's own forge would go to the public one."""
    for name in ("GITHUB_API_URL", "CI_API_V4_URL", "BITBUCKET_REPO_FULL_NAME"):
        environment = environment | {name: ""}
    assert hosted_run(environment) is None
    assert hosted_run({}) is None


@given(st.binary(max_size=60), st.text("0123456789af/", max_size=60))
def test_whatever_the_event_holds_the_head_is_a_commit_or_nothing(event: bytes, sha: str) -> None:
    """Also of a form that it never had."""
    made = json.dumps({"pull_request": {"number": 1, "head": {"sha": sha}}}).encode()
    for given_ in (event, made):
        found = hosted_run(GITHUB, given_)
        assert found
        assert found.head == "" or len(found.head) in (40, 64)
