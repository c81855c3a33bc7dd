"""The git driver: the contract of sources, facts, hooks, quarantine."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps import GIT, Repository, snapshot
from contracts.sources import SourcesContract
from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.ids import CommitId
from fairlead.drivers.git import GitRepositories, tree
from fairlead.drivers.git.hooks import script


class TestGit(SourcesContract):
    """The repositories of this machine."""

    @pytest.fixture
    def sources(self) -> GitRepositories:
        return GIT


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_facts_are_printable(repository: Repository) -> None:
    """A subject with escape codes is shown without them."""
    commit = repository.commit({"a": "1"}, subject="\x1b[2Jclear \x07 it")
    facts = GIT.facts(repository.bare, commit)
    assert (facts.author, facts.email) == ("Ada Example", "ada@example.org")
    assert facts.subject == "clear \N{MIDDLE DOT} it"
    assert facts.tree == GIT.tree_of(repository.bare, commit)


def test_changed_commits_are_what_the_old_one_lacks(repository: Repository) -> None:
    """Newest first; None as old is all of them; backwards there are none."""
    one, two, three = (repository.commit({"a": str(n)}, f"number {n}") for n in range(3))
    assert GIT.changed_commits(repository.bare, one, three) == (
        (three, "number 2"),
        (two, "number 1"),
    )
    assert len(GIT.changed_commits(repository.bare, None, three)) == 3
    assert GIT.changed_commits(repository.bare, three, one) == ()
    assert GIT.is_ancestor(repository.bare, one, three)
    assert not GIT.is_ancestor(repository.bare, three, one)


@pytest.mark.parametrize("revision", ["--help", "-x", "no such", "HEAD^{blob}", "a..b", "\n", ""])
def test_a_revision_is_only_a_name(repository: Repository, revision: str) -> None:
    """Options and nonsense are not found, and nothing else happens."""
    repository.commit({"a": "1"})
    with pytest.raises(NotFound):
        GIT.resolve(repository.bare, revision)


def test_read_gives_one_file(repository: Repository) -> None:
    """The manifest of a commit, without a tree; names are literal."""
    commit = repository.commit({"fairlead.toml": "name", "*": "star", "d/x": "y"})
    assert GIT.read(repository.bare, commit, "fairlead.toml") == b"name"
    assert GIT.read(repository.bare, commit, "*") == b"star"
    assert GIT.read(repository.bare, commit, "absent") is None
    assert GIT.read(repository.bare, commit, "d") is None


def test_a_kept_commit_survives_its_branch(repository: Repository) -> None:
    """An artifact can be built again after a force push and a garbage collection."""
    kept, lost = repository.commit({"a": "kept"}), repository.commit({"a": "lost"})
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.commit({"a": "fresh"})
    GIT.keep(repository.bare, kept)
    subprocess.run(
        ["git", f"--git-dir={repository.bare}", "-c", "gc.reflogExpireUnreachable=now",
         "-c", "gc.reflogExpire=now", "gc", "--quiet", "--prune=now"], check=True,
    )  # fmt: skip
    assert GIT.resolve(repository.bare, kept) == kept
    with pytest.raises(NotFound):
        GIT.resolve(repository.bare, lost)
    GIT.let_go(repository.bare, kept)
    GIT.let_go(repository.bare, kept)


def test_pushers_cannot_move_our_refs(repository: Repository) -> None:
    """refs/fairlead keeps deployed commits alive; it is nobody's to push."""
    repository.commit({"a": "1"})
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("push", str(repository.bare), "HEAD:refs/fairlead/kept/x")


def test_ensure_repository_is_safe_to_repeat(repository: Repository) -> None:
    """Refs and objects stay."""
    commit = repository.commit({"a": "1"})
    GIT.ensure_repository(repository.bare)
    assert GIT.resolve(repository.bare, "main") == commit


def test_a_persons_git_settings_do_not_matter(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither global settings nor variables of git change what is read."""
    commit = repository.commit({"a": "one\n"})
    settings = tmp_path / "gitconfig"
    settings.write_text("[core]\n\tautocrlf = true\n[log]\n\tshowSignature = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nowhere")
    GIT.lay_out(repository.bare, commit, tmp_path / "tree")
    assert snapshot(tmp_path / "tree") == {"a": ("644", b"one\n")}


def test_a_missing_object_is_told(repository: Repository, tmp_path: Path) -> None:
    """A repository that lost a blob gives no half tree that looks like success."""
    commit = repository.commit({"a": "gone", "b": "here"})
    blob = repository.git("rev-parse", "HEAD:a")
    (repository.bare / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(FairleadError):
        GIT.lay_out(repository.bare, commit, tmp_path / "tree")


def test_a_tree_past_the_limits_is_refused_before_it_is_written(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the figures."""
    commit = repository.commit({"a": "x" * 100})
    monkeypatch.setattr(tree, "LARGEST_FILE", 99)
    with pytest.raises(Refused, match="a: 100 bytes, more than 99"):
        GIT.lay_out(repository.bare, commit, tmp_path / "tree")
    monkeypatch.setattr(tree, "LARGEST_FILE", 1000)
    monkeypatch.setattr(tree, "MOST_BYTES", 99)
    with pytest.raises(Refused, match="1 files, 100 bytes"):
        GIT.lay_out(repository.bare, commit, tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


def test_a_hook_lays_out_what_is_still_in_quarantine(
    repository: Repository, tmp_path: Path
) -> None:
    """pre-receive sees the pushed commit before any ref moves, and may refuse it."""
    target = tmp_path / "seen"
    hook = tmp_path / "a 'place' $HOME" / "hook.py"
    hook.parent.mkdir()
    hook.write_text(
        "import sys; from pathlib import Path; from fairlead.drivers.git import GitRepositories\n"
        "from fairlead.cli.hook import quarantine_of\n"
        "assert sys.argv[1:] == ['hook', 'pre-receive'], sys.argv\n"
        "new = sys.stdin.read().split()[1]\n"
        f"bare, target = Path({str(repository.bare)!r}), Path({str(target)!r})\n"
        "quarantine = quarantine_of(Path.cwd())\n"
        "GitRepositories().receiving(quarantine).lay_out(bare, new, target)\n"
        "sys.exit('not today')\n"
    )
    GIT.install_hooks(repository.bare, [sys.executable, str(hook)], ["pre-receive"])
    with pytest.raises(subprocess.CalledProcessError) as refused:
        repository.commit({"a": "pushed"})
    assert "not today" in refused.value.stderr
    assert snapshot(target) == {"a": ("644", b"pushed")}
    with pytest.raises(NotFound):
        GIT.resolve(repository.bare, "main")


def test_hooks_are_executable_and_replaced_in_place(repository: Repository) -> None:
    """Twice is as good as once, and nothing else is left in the directory."""
    for program in ("/bin/false", "/bin/true"):
        GIT.install_hooks(repository.bare, [program])
    hooks = repository.bare / "hooks"
    assert sorted(os.listdir(hooks)) == ["post-receive", "pre-receive"]
    assert all(os.access(hooks / name, os.X_OK) for name in os.listdir(hooks))
    repository.commit({"a": "1"})


def test_a_hook_needs_an_absolute_program(repository: Repository) -> None:
    """A hook's PATH is whatever the pusher's shell had."""
    with pytest.raises(UsageError):
        GIT.install_hooks(repository.bare, ["fairlead"])
    with pytest.raises(UsageError):
        GIT.install_hooks(repository.bare, ["/bin/true"], ["../../evil"])


@given(st.lists(st.text(st.characters(blacklist_characters="\0", codec="utf-8")), min_size=1))
def test_a_hook_passes_its_words_unchanged(words: list[str]) -> None:
    """Whatever a path holds, sh reads it as the same words."""
    line = script(["/x", *words]).splitlines(keepends=True)
    text = "".join(line).split("exec ", 1)[1]
    assert shlex.split(text)[1:] == [*words, "$@"]


def test_the_commit_id_must_be_whole(repository: Repository) -> None:
    """A short id that is ambiguous later would be a different commit."""
    commit = repository.commit({"a": "1"})
    assert GIT.resolve(repository.bare, commit[:10]) == commit
    assert GIT.resolve(repository.bare, CommitId(commit)) == commit
