"""``fairlead verify`` in a hosted CI with a token: what its forge shows then."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.fake_forge import NUMBER, REPOSITORY, TOKEN, forge_of

MANIFEST = """
app = "shop"

[build]
kind = "command"
commands = ["true"]

[role.web]
command = "serve {socket}"
health = "/health"

[check.tests]
command = "sh -c 'test -z \\"$FAIRLEAD_FORGE_TOKEN\\" && COMMAND'"
limit = "1s"
"""
ANSWERS = {"passed": "true", "failed": "false", "not known": "sleep 9"}


class Clone:
    """What a CI checked out: the merge of a proposed commit with the branch it is for."""

    def __init__(self, root: Path) -> None:
        self.path = root / "clone"
        self.home = root / "home"
        self.event = root / "event.json"
        self.path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.base = self.commit("true")
        self.head = self.merge = ""

    def proposed(self, command: str) -> None:
        self.git("checkout", "--quiet", "-B", "proposed", self.base)
        self.head = self.commit(command)
        self.git("checkout", "--quiet", "--detach", self.base)
        self.git("merge", "--quiet", "--no-ff", "-m", "the CI's", "proposed")
        self.merge = self.git("rev-parse", "HEAD")

    def commit(self, command: str) -> str:
        (self.path / "fairlead.toml").write_text(MANIFEST.replace("COMMAND", command))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", command)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        run = ["git", "-C", str(self.path), *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def verify(
        self, kind: str, address: str, *words: str, token: str = TOKEN
    ) -> subprocess.CompletedProcess[str]:
        """As the CI of that forge runs it."""
        event = {"pull_request": {"number": 12, "head": {"sha": self.head}}}
        self.event.write_text(json.dumps(event))
        github = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": address,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": self.merge,
            "GITHUB_EVENT_PATH": str(self.event),
        }
        gitlab = {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": address,
            "CI_PROJECT_ID": str(NUMBER),
            "CI_COMMIT_SHA": self.merge,
            "CI_MERGE_REQUEST_IID": "12",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": self.head,
        }
        forgejo = github | {"FORGEJO_ACTIONS": "true"}
        own = {"github": github, "gitlab": gitlab, "forgejo": forgejo}[kind]
        plain = {name: os.environ[name] for name in ("PATH", "HOME", "UV_CACHE_DIR")}
        argv = [sys.executable, "-m", "fairlead", "--home", str(self.home), "verify", *words]
        return subprocess.run(
            argv,
            cwd=self.path,
            env=plain | own | {"FAIRLEAD_FORGE_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


@pytest.mark.parametrize(
    ("kind", "answer", "state"),
    [
        ("github", "passed", "success"),
        ("github", "not known", "error"),
        ("gitlab", "failed", "failed"),
        ("forgejo", "not known", "error"),
    ],
)
def test_the_verdict_stands_beside_what_was_proposed_and_on_the_request(
    clone: Clone, kind: str, answer: str, state: str
) -> None:
    """One status, beside the head and not the CI's merge; one comment, rewritten the next time.
    Checks do not see the token, and nobody is shown it."""
    clone.proposed(ANSWERS[answer])
    with forge_of(kind) as (address, forge):
        forge.commits = {clone.head}
        ended = clone.verify(kind, address)
        assert ended.returncode == (answer != "passed"), ended.stderr
        (status,) = forge.statuses
        (comment,) = forge.shown()
        clone.verify(kind, address, "--fresh")
        assert len(forge.shown()) == 1
    name = status.get("context") or status["name"]
    assert (name, status["sha"], status["state"]) == ("fairlead/shop", clone.head, state)
    assert status["description"].startswith(answer)
    assert f"fairlead verify: {answer}" in comment
    assert clone.head[:12] in comment
    assert clone.merge[:12] not in comment
    assert TOKEN not in ended.stdout + ended.stderr
    assert "comment on 12: added" in ended.stderr


def test_another_commit_than_the_proposed_one_says_nothing_of_that(clone: Clone) -> None:
    """pull_request_target checks out the branch it is for: that this passes is beside itself."""
    clone.proposed("false")
    with forge_of("github") as (address, forge):
        forge.commits = {clone.head, clone.base}
        ended = clone.verify("github", address, "main")
    assert ended.returncode == 0, ended.stderr
    assert [(one["sha"], one["state"]) for one in forge.statuses] == [(clone.base, "success")]
    assert forge.shown() == []


@pytest.mark.parametrize(
    ("token", "address", "said"),
    [
        ("tok-other", "", "401: Bad credentials"),
        (TOKEN, "http://git.example/api", "only sent over https"),
        (TOKEN, "none", "no CI that is known says where its forge is"),
        ("", "", ""),
    ],
)
def test_what_could_not_be_sent_is_said_and_changes_nothing(
    clone: Clone, token: str, address: str, said: str
) -> None:
    """The exit code is the verdict's; without a token nobody is asked anything."""
    clone.proposed("true")
    with forge_of("github") as (real, forge):
        ended = clone.verify(
            "github", address.replace("none", "") if address else real, token=token
        )
        assert (ended.returncode, forge.statuses, forge.shown()) == (0, [], []), ended.stderr
        assert bool(forge.asked) is (token == "tok-other")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "tok-" not in ended.stderr
