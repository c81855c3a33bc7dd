"""Workflows for other people's CI: valid there, the same each time, and careful with secrets."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from fairlead.base.errors import FairleadError, UsageError
from fairlead.manifest.ci import Ci, workflow
from fairlead.manifest.ci.wanted import SECRETS
from fairlead.manifest.flow import init_ci
from fairlead.manifest.model import App
from fairlead.manifest.rules import FILE, parse

CASES = Path(__file__).parent.parent / "cases" / "ci"
NAMES = sorted(case.name for case in CASES.iterdir())
WRITE = os.environ.get("FAIRLEAD_WRITE_CASES")  # 1: write what is, then read the difference in git
# SchemaStore's, as check-jsonschema has them; Forgejo follows GitHub's syntax.
SCHEMAS = {
    Ci.GITHUB: ("vendor.github-workflows",),
    Ci.FORGEJO: ("vendor.github-workflows",),
    Ci.GITLAB: ("vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
    Ci.BITBUCKET: ("vendor.bitbucket-pipelines",),
}


def app(name: str) -> App:
    return parse((CASES / name / FILE).read_text())


def read(ci: Ci, name: str = "many") -> dict:
    return yaml.safe_load(workflow(ci, app(name)).text)


@pytest.mark.parametrize("ci", Ci)
@pytest.mark.parametrize("name", NAMES)
def test_writes_the_workflow_that_the_case_expects(name: str, ci: Ci) -> None:
    """The text is the case's, character for character."""
    file = CASES / name / f"{ci}.yml"
    text = workflow(ci, app(name)).text
    if WRITE:
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("ci", Ci)
def test_the_systems_own_schema_takes_it(ci: Ci) -> None:
    """check-jsonschema finds nothing to say of any case."""
    kind, *more = SCHEMAS[ci]
    files = [str(CASES / name / f"{ci}.yml") for name in NAMES]
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", kind, *more, *files]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_schema_would_say_so(tmp_path: Path) -> None:
    """The judge above refuses a key that is misspelt."""
    (tmp_path / "x.yml").write_text(
        (CASES / "plain" / "github.yml").read_text().replace("runs-on", "run-on")
    )
    argv = ["--builtin-schema", "vendor.github-workflows", str(tmp_path / "x.yml")]
    ended = subprocess.run([sys.executable, "-m", "check_jsonschema", *argv], capture_output=True)
    assert ended.returncode == 1


@pytest.mark.parametrize("name", NAMES)
def test_actionlint_finds_nothing(name: str) -> None:
    """GitHub's own expressions, contexts and permissions are right, too."""
    judge = shutil.which("actionlint")
    if judge is None:
        pytest.skip("no actionlint: go install github.com/rhysd/actionlint/cmd/actionlint@latest")
    ended = subprocess.run(
        [judge, str(CASES / name / "github.yml")], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout


def jobs(ci: Ci) -> tuple[str, str]:
    """The verifying job and the releasing one, as text."""
    found = read(ci)
    if ci is Ci.BITBUCKET:
        verify, release = (one["step"] for one in found["definitions"]["steps"])
    elif ci is Ci.GITLAB:
        verify, release = found["verify"], found["release"]
    else:
        verify, release = found["jobs"]["verify"], found["jobs"]["release"]
    return yaml.safe_dump(verify), yaml.safe_dump(release)


@pytest.mark.parametrize("ci", Ci)
def test_the_job_that_sees_every_change_is_given_no_secret(ci: Ci) -> None:
    """Only the releasing job names a secret or stands in the environment that holds them."""
    verify, release = jobs(ci)
    for word in (*SECRETS, "secrets", "environment", "deployment"):
        assert word not in verify
    assert any(word in release for word in ("name: fairlead", "deployment", *SECRETS))
    assert "pull_request_target" not in workflow(ci, app("many")).text


@pytest.mark.parametrize("ci", Ci)
def test_it_runs_verify_and_release_and_nothing_else_of_ours(ci: Ci) -> None:
    """Each job runs exactly its verb, after installing one exact version."""
    verify, release = jobs(ci)
    assert ("fairlead verify" in verify, "fairlead release" in verify) == (True, False)
    assert ("fairlead verify" in release, "fairlead release" in release) == (False, True)
    assert "fairlead==" in workflow(ci, app("many")).text


@pytest.mark.parametrize("ci", [Ci.GITHUB, Ci.FORGEJO])
def test_github_and_forgejo_release_only_what_was_pushed_to_a_protected_branch(ci: Ci) -> None:
    """A pull request, also one from such a branch, does not release."""
    release = read(ci)["jobs"]["release"]
    assert release["if"] == (
        "github.event_name == 'push' && "
        "(github.ref == 'refs/heads/main' || github.ref == 'refs/heads/release/next')"
    )
    assert release["needs"] == "verify"
    assert read(ci)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("ci", [Ci.GITHUB, Ci.FORGEJO])
def test_actions_are_pinned_by_commit_and_fetch_the_whole_history(ci: Ci) -> None:
    """A tag that is moved changes nothing; the token does not stay behind for checks to find."""
    for job in read(ci)["jobs"].values():
        for step in (step for step in job["steps"] if "uses" in step):
            assert len(step["uses"].partition("@")[2]) == 40
            assert step["with"] == {"fetch-depth": 0, "persist-credentials": False}


def test_gitlab_releases_only_from_a_branch_that_is_protected() -> None:
    """Each rule names a branch and asks that GitLab calls it protected; history is whole."""
    found = read(Ci.GITLAB)
    branches = ("main", "release/next")
    assert [rule["if"] for rule in found["release"]["rules"]] == [
        f'$CI_COMMIT_BRANCH == "{branch}" && $CI_COMMIT_REF_PROTECTED == "true"'
        for branch in branches
    ]
    assert "rules" not in found["verify"]
    assert found["variables"] == {"GIT_DEPTH": "0"}


def test_bitbucket_releases_only_in_the_pipelines_of_protected_branches() -> None:
    """Every other branch, and every pull request, is verified."""
    found = read(Ci.BITBUCKET)
    assert found["clone"] == {"depth": "full"}
    names = {
        branch: [one["step"]["name"] for one in steps]
        for branch, steps in found["pipelines"]["branches"].items()
    }
    assert names == {"main": ["verify", "release"], "release/next": ["verify", "release"]}
    for steps in (found["pipelines"]["default"], found["pipelines"]["pull-requests"]["**"]):
        assert [one["step"]["name"] for one in steps] == ["verify"]


def test_what_checks_need_is_installed_where_the_machine_lacks_it() -> None:
    """GitHub's image has PostgreSQL and Node; an image of Python's has neither."""
    assert "install -y redis-server\n" in workflow(Ci.GITHUB, app("many")).text
    assert "nodejs npm postgresql redis-server\n" in workflow(Ci.GITLAB, app("many")).text
    assert "apt-get" not in workflow(Ci.GITHUB, app("plain")).text


@pytest.mark.parametrize("branch", ["it's", 'a"b', "-x", "a b", "${{x}}", "a\nb", "*"])
def test_a_branch_that_would_be_read_otherwise_is_refused(branch: str) -> None:
    """No name of a branch becomes an expression, a glob or a line of its own."""
    plain = app("plain")
    odd = msgspec.structs.replace(plain.environments[0], branch=branch)
    with pytest.raises(UsageError, match="cannot name the branch"):
        workflow(Ci.GITHUB, msgspec.structs.replace(plain, environments=(odd,)))


def test_without_a_branch_there_is_nothing_to_release_from() -> None:
    """It says which key is missing."""
    plain = app("plain")
    none = msgspec.structs.replace(plain.environments[0], branch="")
    with pytest.raises(UsageError, match="no environment runs from a branch"):
        workflow(Ci.GITLAB, msgspec.structs.replace(plain, environments=(none,)))


def test_init_writes_it_where_the_system_looks_and_replaces_none(tmp_path: Path) -> None:
    """A workflow that is there is left alone, unless it is said otherwise."""
    with pytest.raises(UsageError, match="no manifest"):
        init_ci(tmp_path, Ci.GITHUB)
    shutil.copy(CASES / "plain" / FILE, tmp_path)
    made = init_ci(tmp_path, Ci.GITHUB)
    assert Path(made.path) == tmp_path / ".github" / "workflows" / "fairlead.yml"
    assert Path(made.path).read_text() == made.text
    assert made.todo
    with pytest.raises(UsageError) as caught:
        init_ci(tmp_path, Ci.GITHUB)
    assert caught.value.hint == "fairlead init --ci github --force replaces it"
    Path(made.path).write_text("mine")
    init_ci(tmp_path, Ci.GITHUB, force=True)
    assert Path(made.path).read_text() == made.text


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file where the directory should be: said, with the path."""
    shutil.copy(CASES / "plain" / FILE, tmp_path)
    (tmp_path / ".github").write_text("")
    with pytest.raises(FairleadError, match="could not be written"):
        init_ci(tmp_path, Ci.GITHUB)
