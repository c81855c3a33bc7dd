"""Removing what others made."""

from pathlib import Path

from fairlead.base.trees import remove_tree


def test_a_tree_is_removed_and_its_bytes_are_told(tmp_path: Path) -> None:
    """Read-only directories and files, also one that nobody may open."""
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/b/file").write_text("12345")
    (tree / "shut/in").mkdir(parents=True)
    for path in (tree / "a/b/file", tree / "a/b", tree / "a", tree):
        path.chmod(0o555)
    (tree / "shut").chmod(0)
    assert remove_tree(tree) == 5
    assert not tree.exists()
    assert remove_tree(tree) == 0


def test_links_are_removed_and_not_what_they_name(tmp_path: Path) -> None:
    """Inside the tree, and in its place; the mode of what they name stays, too."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o750)
    (outside / "file").write_text("kept")
    (tmp_path / "tree" / "below").mkdir(parents=True)
    for link in (
        tmp_path / "tree" / "link",
        tmp_path / "tree" / "below" / "link",
        tmp_path / "top",
    ):
        link.symlink_to(outside)
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "top")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "file").read_text() == "kept"
    assert outside.stat().st_mode & 0o777 == 0o750
