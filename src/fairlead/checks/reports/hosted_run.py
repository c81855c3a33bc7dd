"""What a run of a hosted CI is for: the repository on its forge, the commit, the change request.

Sources: GitHub's "Variables reference" and "Webhook events and payloads: pull_request" (Forgejo's
Actions have both), GitLab's "Predefined CI/CD variables", Atlassian's "Variables and secrets".
"""

import re
from collections.abc import Mapping

import msgspec

from fairlead.checks.ports import ForgeAt
from fairlead.checks.reports.hosted import for_ci

_REQUEST = re.compile(r"refs/pull/(\d{1,18})/(?:merge|head)")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class HostedRun(msgspec.Struct, frozen=True):
    """What a CI runs for. ``head`` is the commit that was pushed or proposed, never what the CI
    merged it into ("": it does not say). ``request`` is the number of the change request and
    ``url`` the run's page, "" for none."""

    at: ForgeAt
    head: str
    request: str = ""
    url: str = ""


class _Head(msgspec.Struct):
    sha: str = ""


class _Request(msgspec.Struct):
    number: int
    head: _Head


class _Event(msgspec.Struct):
    pull_request: _Request | None = None


def hosted_run(environment: Mapping[str, str], event: bytes = b"") -> HostedRun | None:
    """What this runs for; None where no CI that is known says where its forge is.

    ``event`` is what the file GITHUB_EVENT_PATH holds.
    """
    ci = for_ci(environment)
    if ci is None:
        return None
    if ci.name == "gitlab":
        found = _gitlab(environment)
    elif ci.name == "bitbucket":
        found = _bitbucket(environment)
    else:
        found = _github(ci.name, environment, event)
    # Without its address a token for one's own forge would go to the public one.
    known = found.at.repository and (found.at.api or ci.name == "bitbucket")
    return found if known else None


def _github(kind: str, environment: Mapping[str, str], event: bytes) -> HostedRun:
    """GITHUB_SHA of a pull request is its merge, or with pull_request_target the branch it is for:
    what was proposed is told by the event alone."""
    repository = environment.get("GITHUB_REPOSITORY", "")
    at = ForgeAt(kind, repository, environment.get("GITHUB_API_URL", ""))
    # Forgejo's pages count the runs of one repository, GitHub's have a number of their own.
    number = "GITHUB_RUN_ID" if kind == "github" else "GITHUB_RUN_NUMBER"
    server, run = environment.get("GITHUB_SERVER_URL", ""), environment.get(number, "")
    url = _page(f"{server}/{repository}/actions/runs/{run}") if run else ""
    proposed = _proposed(event)
    if proposed:
        return HostedRun(at, _commit(proposed.head.sha), str(proposed.number), url)
    match = _REQUEST.fullmatch(environment.get("GITHUB_REF", ""))
    if match:
        return HostedRun(at, "", match[1], url)
    return HostedRun(at, _commit(environment.get("GITHUB_SHA", "")), "", url)


def _proposed(event: bytes) -> _Request | None:
    try:
        return msgspec.json.decode(event, type=_Event).pull_request
    except msgspec.DecodeError:  # none, or of a form that it never had
        return None


def _gitlab(environment: Mapping[str, str]) -> HostedRun:
    """The project is the one that the merge request is for: its pipeline may be a fork's."""
    get = environment.get
    project = get("CI_MERGE_REQUEST_PROJECT_ID") or get("CI_PROJECT_ID", "")
    # Empty but for the pipelines of merged results, where CI_COMMIT_SHA is the merge.
    head = get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or get("CI_COMMIT_SHA", "")
    at = ForgeAt("gitlab", project, get("CI_API_V4_URL", ""))
    request = get("CI_MERGE_REQUEST_IID", "")
    return HostedRun(at, _commit(head), request, _page(get("CI_JOB_URL", "")))


def _bitbucket(environment: Mapping[str, str]) -> HostedRun:
    """A pull request's branch is merged in the clone: BITBUCKET_COMMIT stays what was proposed."""
    get = environment.get
    repository, number = get("BITBUCKET_REPO_FULL_NAME", ""), get("BITBUCKET_BUILD_NUMBER", "")
    url = f"https://bitbucket.org/{repository}/pipelines/results/{number}"
    head = _commit(get("BITBUCKET_COMMIT", ""))
    return HostedRun(ForgeAt("bitbucket", repository), head, get("BITBUCKET_PR_ID", ""), url)


def _commit(text: str) -> str:
    return text if _COMMIT.fullmatch(text) else ""


def _page(url: str) -> str:
    return url if url.startswith("https://") else ""
