"""``fairlead init --ci``, as a person calls it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CASE = Path(__file__).parent.parent / "cases" / "ci" / "plain"


def init(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "fairlead", "init", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "fairlead.toml").write_text((CASE / "fairlead.toml").read_text())
    return tmp_path


def test_it_says_what_it_wrote_and_what_is_left(app: Path) -> None:
    """The answer on stdout, the next command on stderr; nothing is replaced by itself."""
    ended = init(str(app), "--ci", "gitlab")
    assert (ended.returncode, "Left to you" in ended.stdout) == (0, True)
    assert "git add" in ended.stderr
    assert (app / ".gitlab-ci.yml").read_text() == (CASE / "gitlab.yml").read_text()
    again = init(str(app), "--ci", "gitlab")
    assert (again.returncode, "fairlead init --ci gitlab --force" in again.stderr) == (2, True)


def test_the_same_as_json(app: Path) -> None:
    """Path, text and what is left, for a machine; the manifest is left as it was."""
    before = (app / "fairlead.toml").read_bytes()
    said = json.loads(init(str(app), "--ci", "github", "--json").stdout)
    assert set(said) == {"path", "text", "todo"}
    assert (app / "fairlead.toml").read_bytes() == before


def test_a_ci_that_is_not_known_is_a_mistake_of_the_call(app: Path) -> None:
    """Exit 2, with the names that are known."""
    ended = init(str(app), "--ci", "jenkins")
    assert ended.returncode == 2
    assert "forgejo" in ended.stderr
