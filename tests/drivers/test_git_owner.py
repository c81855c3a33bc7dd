"""Git in a repository of another user's, which root looks after."""

import os
from pathlib import Path

import pytest

from fairlead.base.paths import Home
from fairlead.drivers.git import GitRepositories
from fairlead.drivers.git.run import git
from needs import missing
from paths import reachable

NOBODY = 65534


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        missing("not root: `sudo make test` would run git as a repository's owner")
    reachable(tmp_path)
    home = Home(tmp_path / "var/lib/fairlead")
    home.repositories.mkdir(parents=True)
    os.chown(home.repositories, NOBODY, NOBODY)
    GitRepositories().ensure_repository(home.repository("shop"))
    return home.repository("shop")


def test_what_git_makes_there_is_its_owners(repository: Path) -> None:
    """Who pushes must be able to change it later."""
    assert {path.lstat().st_uid for path in [repository, *repository.rglob("*")]} == {NOBODY}


def test_what_its_settings_run_is_not_run_as_root(repository: Path) -> None:
    """Its owner writes them."""
    note = repository / "note"
    # An alias that runs a command: the plainest setting that does.
    with (repository / "config").open("a") as config:
        config.write(f'[alias]\n\twho = "!id -u >{note}"\n')
    git(repository, "who")
    assert note.read_text() == f"{NOBODY}\n"
