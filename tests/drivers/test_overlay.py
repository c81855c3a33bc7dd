"""Overlays with real git: captured from a clone as people have them, laid over what comes."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps import Repository, snapshot
from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import CommitId
from fairlead.drivers.git import GitRepositories
from fairlead.drivers.git.capture import Captured, committed, stashed, uncommitted
from fairlead.drivers.git.merge import hunks
from fairlead.drivers.git.overlay import laid_over

GIT = GitRepositories()
SETTINGS = "".join(f"OPTION_{n} = {n}\n" for n in range(12))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def begun(repository: Repository) -> CommitId:
    files = {
        "settings.py": SETTINGS,
        "app.py": "print(1)\n",
        "old.txt": "old\n",
        ".gitignore": "*.log\n",
    }
    return repository.commit(files)


def prod(repository: Repository) -> None:
    """What somebody did on the server: changed, added, removed, made executable, and noise."""
    repository.write(
        {"settings.py": SETTINGS.replace("OPTION_3 = 3", "OPTION_3 = 'prod'"),
         "local.py": "NEW = 1\n", "image.png": b"\x89PNG\0\xff", "noise.log": "x"}
    )  # fmt: skip
    (repository.source / "old.txt").unlink()
    (repository.source / "app.py").chmod(0o755)


def laid(
    repository: Repository, commit: CommitId, captured: Captured
) -> dict[str, tuple[str, bytes]]:
    found = laid_over(repository.bare, commit, captured.base, captured.patch, {})
    tree = repository.bare.parent / f"laid-{found}"
    GIT.lay_out(repository.bare, found, tree)
    shown = snapshot(tree)
    shutil.rmtree(tree)
    return shown


def test_uncommitted_changes_are_captured_whole(repository: Repository) -> None:
    """Changed, new, binary, removed and executable files; what is ignored is not."""
    base = begun(repository)
    prod(repository)
    captured = uncommitted(repository.source)
    assert captured.base == base
    assert captured.files == ("app.py", "image.png", "local.py", "old.txt", "settings.py")
    found = laid(repository, base, captured)
    wanted = snapshot(repository.source)
    assert found == {
        name: entry
        for name, entry in wanted.items()
        if not name.startswith(".git/") and name != "noise.log"
    }


def test_capturing_changes_not_one_byte_of_the_clone(repository: Repository) -> None:
    """It may serve users right now, and its index may hold half of an add."""
    begun(repository)
    prod(repository)
    repository.git("add", "local.py")
    before = snapshot(repository.source)
    uncommitted(repository.source)
    assert snapshot(repository.source) == before


@pytest.mark.parametrize("new", [True, False])
def test_a_stash_is_captured_as_the_five_commands_leave_it(
    repository: Repository, new: bool
) -> None:
    """``git stash`` (with ``-u`` the new files as well), on the commit it was made on."""
    base = begun(repository)
    prod(repository)
    wanted = uncommitted(repository.source)
    repository.git("stash", *(["-u"] if new else []))
    captured = stashed(repository.source)
    assert captured.base == base
    added = {"image.png", "local.py"}
    assert set(captured.files) == set(wanted.files) - (set() if new else added)
    if new:
        assert laid(repository, base, captured) == laid(repository, base, wanted)


def test_a_commit_is_captured(repository: Repository) -> None:
    """The "prod commit" that somebody rebases by hand; neither a first commit nor a merge."""
    base = begun(repository)
    prod(repository)
    wanted = uncommitted(repository.source)
    repository.git("add", "-A")
    repository.git("commit", "-qm", "prod")
    captured = committed(repository.source, "HEAD")
    assert (captured.base, captured.patch) == (base, wanted.patch)
    with pytest.raises(Refused, match="has 0 parents"):
        committed(repository.source, base)
    with pytest.raises(NotFound, match="no such commit: nope"):
        committed(repository.source, "nope")


def test_nothing_to_capture_is_said(repository: Repository, tmp_path: Path) -> None:
    """And a directory that is no clone."""
    begun(repository)
    with pytest.raises(Refused, match="the work tree has no changes"):
        uncommitted(repository.source)
    with pytest.raises(NotFound, match="no such commit"):
        stashed(repository.source)
    with pytest.raises(NotFound, match="not a clone's top directory"):
        uncommitted(tmp_path)


def test_it_is_merged_with_what_the_new_commit_did(repository: Repository) -> None:
    """Also where that moved the file the overlay changes; twice gives the same commit."""
    begun(repository)
    prod(repository)
    captured = uncommitted(repository.source)
    repository.git("stash", "-u")
    repository.git("mv", "settings.py", "conf.py")
    moved = {"conf.py": SETTINGS.replace("OPTION_9 = 9", "OPTION_9 = 'new'")}
    commit = repository.commit(moved)
    found = laid(repository, commit, captured)
    assert "settings.py" not in found
    assert b"OPTION_3 = 'prod'" in found["conf.py"][1]
    assert b"OPTION_9 = 'new'" in found["conf.py"][1]
    again = [laid_over(repository.bare, commit, captured.base, captured.patch, {}) for _ in "12"]
    assert again[0] == again[1]


def test_a_conflict_names_the_file_the_line_and_both_sides(repository: Repository) -> None:
    """Before anything is touched, with what to do."""
    begun(repository)
    prod(repository)
    captured = uncommitted(repository.source)
    repository.git("stash", "-u")
    commit = repository.commit({"settings.py": SETTINGS.replace("OPTION_3 = 3", "OPTION_3 = 4")})
    with pytest.raises(Refused) as refused:
        laid_over(repository.bare, commit, captured.base, captured.patch, {})
    what, *shown = refused.value.what.splitlines()
    assert what == f"the overlay conflicts with {commit[:12]}: settings.py"
    assert shown == ["settings.py:4:", "- OPTION_3 = 4", "+ OPTION_3 = 'prod'"]
    assert "overlay capture" in refused.value.hint


def test_a_removed_file_that_was_changed_is_a_conflict(repository: Repository) -> None:
    """Neither side is taken silently."""
    begun(repository)
    prod(repository)
    captured = uncommitted(repository.source)
    repository.git("stash", "-u")
    commit = repository.commit({"old.txt": "old, and improved\n"})
    with pytest.raises(Refused, match=r"old\.txt: one side has it and the other has not"):
        laid_over(repository.bare, commit, captured.base, captured.patch, {})


def test_an_unknown_base_says_what_to_push(repository: Repository) -> None:
    """The repository was made anew, say."""
    commit = begun(repository)
    with pytest.raises(NotFound, match="unknown here: bbbbbbbbbbbb"):
        laid_over(repository.bare, commit, CommitId("b" * 40), b"", {})


def test_a_patch_that_was_edited_to_nonsense_is_refused(repository: Repository) -> None:
    """It lies in the deploy repo, where people edit."""
    commit = begun(repository)
    for patch in (b"nonsense", b"--- a/nope\n+++ b/nope\n@@ -1 +1 @@\n-a\n+b\n"):
        with pytest.raises(Refused, match="does not apply to its own base"):
            laid_over(repository.bare, commit, commit, patch, {})


LINES = st.lists(st.sampled_from(["a", "b", "=======", "c = 1", ""]), max_size=8)


@settings(max_examples=60)
@given(LINES, LINES)
def test_hunks_show_both_sides_of_any_conflict(ours: list[str], theirs: list[str]) -> None:
    """Whatever the lines are, unless they look like a marker themselves."""
    ours = [line for line in ours if line != "======="]
    text = "\n".join(["x", "<<<<<<< one", *ours, "=======", *theirs, ">>>>>>> two", "y"])
    shown = hunks("f", text)
    assert shown[0] == "f:2:"
    assert [line[2:] for line in shown if line[0] == "-"] == ours
    assert len(shown) <= 1 + len(ours) + len(theirs)
