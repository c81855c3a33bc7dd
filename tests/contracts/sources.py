"""What every ``Sources`` keeps (fairlead.checks.ports)."""

from pathlib import Path

import pytest

from apps import Repository, snapshot
from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import CommitId
from fairlead.checks.ports import Sources

HOSTILE = ("-rf", "--help", "a b", "new\nline", "quo'te\"s", "$(touch x)", "tab\there", "ünïćode",
           "*", "a\\b", "{}", "%s", "C:", "con", ".gitignore", " ", "~", "#x", "\u202egnp")  # fmt: skip


class SourcesContract:
    """Subclass it with a ``sources`` fixture that reads git repositories."""

    @pytest.fixture
    def repository(self, tmp_path: Path) -> Repository:
        return Repository(tmp_path)

    def laid_out(self, sources: Sources, repository: Repository, commit: CommitId, to: Path):
        laid_out = sources.lay_out(repository.bare, commit, to)
        return laid_out, snapshot(to)

    def test_the_tree_is_exactly_the_commit(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """Modes, links as links, bytes that are no text, an empty file, no directory of git's."""
        (repository.source / "bin").mkdir()
        (repository.source / "bin/run").write_text("#!/bin/sh\n")
        (repository.source / "bin/run").chmod(0o755)
        (repository.source / "link").symlink_to("bin/run")
        (repository.source / "up").mkdir()
        (repository.source / "up/link").symlink_to("../bin")
        commit = repository.commit({"raw": bytes(range(256)) * 300, "empty": ""})
        laid_out, found = self.laid_out(sources, repository, commit, tmp_path / "tree")
        assert found == {
            "bin/run": ("755", b"#!/bin/sh\n"),
            "link": ("link", b"bin/run"),
            "up/link": ("link", b"../bin"),
            "raw": ("644", bytes(range(256)) * 300),
            "empty": ("644", b""),
        }
        assert laid_out.paths == tuple(sorted(found))
        assert laid_out.tree == repository.git("rev-parse", "HEAD^{tree}")
        assert laid_out.notes == ()

    def test_the_commit_cannot_choose_other_bytes(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """Attributes for archives, line ends, keywords and filters change nothing."""
        content: dict[str, str | bytes] = {
            ".gitattributes": "a export-ignore\nb export-subst ident\nc text eol=crlf\nd filter=x\n",
            "a": "left out of archives",
            "b": "$Format:%H$ $Id$",
            "c": "one\ntwo\n",
            "d": "smudged?",
        }
        commit = repository.commit(content)
        repository.git(
            "config", "--file", str(repository.bare / "config"), "filter.x.smudge", "tr a-z A-Z"
        )
        _, found = self.laid_out(sources, repository, commit, tmp_path / "tree")
        assert {name: data.decode() for name, (_, data) in found.items()} == content

    def test_hostile_names_are_only_names(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """Dashes, quotes, line ends, substitutions, reversed text."""
        commit = repository.commit({f"{n}/{n}": "text" for n in HOSTILE})
        laid_out, found = self.laid_out(sources, repository, commit, tmp_path / "tree")
        assert set(laid_out.paths) == set(found) == {f"{n}/{n}" for n in HOSTILE}

    def test_an_old_commit_is_laid_out_too(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """Not the newest one, not the work tree."""
        old = repository.commit({"a": "old"})
        repository.commit({"a": "new", "b": "new"})
        _, found = self.laid_out(sources, repository, old, tmp_path / "tree")
        assert found == {"a": ("644", b"old")}

    def test_an_empty_commit_is_an_empty_directory(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """No file, and no error."""
        _, found = self.laid_out(sources, repository, repository.commit(), tmp_path / "tree")
        assert found == {}
        assert (tmp_path / "tree").is_dir()

    @pytest.mark.parametrize(
        "target", ["/etc/passwd", "../outside", "a/../../outside", "..", "sub/../../../etc"]
    )
    def test_a_link_that_leaves_the_tree_is_refused(
        self, sources: Sources, repository: Repository, tmp_path: Path, target: str
    ) -> None:
        """Absolute or by way of ..: with the path in the message."""
        (repository.source / "danger").symlink_to(target)
        commit = repository.commit({"sub/file": "x"})
        with pytest.raises(Refused, match="danger: a link that leaves the tree"):
            sources.lay_out(repository.bare, commit, tmp_path / "tree")

    def test_a_link_through_another_link_is_followed_as_the_kernel_does(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """Read as text it stays inside; followed it leaves."""
        repository.write({"r/file": "x", "p/q/file": "x"})
        (repository.source / "p/q/l").symlink_to("../../r")
        (repository.source / "p/q/x").symlink_to("l/../../f")
        with pytest.raises(Refused, match="p/q/x"):
            sources.lay_out(repository.bare, repository.commit(), tmp_path / "tree")

    def test_links_in_a_circle_are_only_links(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """They lead nowhere, and stay inside."""
        (repository.source / "a").symlink_to("b")
        (repository.source / "b").symlink_to("a")
        _, found = self.laid_out(sources, repository, repository.commit(), tmp_path / "tree")
        assert found == {"a": ("link", b"b"), "b": ("link", b"a")}

    def test_a_submodule_is_refused_by_name(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """Half an app is worse than none."""
        first = repository.commit({"a": "x"})
        repository.git("update-index", "--add", "--cacheinfo", f"160000,{first},vendor/lib")
        repository.git("commit", "--quiet", "-m", "a submodule")
        repository.git("push", "--quiet", str(repository.bare), "HEAD:refs/heads/main")
        commit = CommitId(repository.git("rev-parse", "HEAD"))
        with pytest.raises(Refused, match="vendor/lib: a submodule"):
            sources.lay_out(repository.bare, commit, tmp_path / "tree")

    def test_a_name_that_is_not_utf8_is_refused(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """It could not be written in a record or a list of files."""
        (repository.source / "b").mkdir()
        with open(bytes(repository.source / "b") + b"/\xff\xfe", "wb"):
            pass
        with pytest.raises(Refused, match="not UTF-8"):
            sources.lay_out(repository.bare, repository.commit(), tmp_path / "tree")

    def test_an_lfs_pointer_is_told(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """The file that users see is not in the repository."""
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        laid_out, _ = self.laid_out(
            sources, repository, repository.commit({"big.bin": pointer}), tmp_path / "tree"
        )
        assert any("big.bin" in note for note in laid_out.notes)

    def test_an_unknown_commit_is_not_found(
        self, sources: Sources, repository: Repository, tmp_path: Path
    ) -> None:
        """By type, so that the exit code is right."""
        with pytest.raises(NotFound):
            sources.lay_out(repository.bare, CommitId("0" * 39 + "1"), tmp_path / "tree")
