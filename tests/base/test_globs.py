"""Globs of the manifest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.globs import matches, matching


@pytest.mark.parametrize(
    ("pattern", "path", "named"),
    [
        ("*.py", "a.py", True), ("*.py", "d/e/a.py", True), ("*.py", "a.pyc", False),
        ("/a.py", "a.py", True), ("/a.py", "d/a.py", False), ("d/*.py", "d/a.py", True),
        ("d/*.py", "d/e/a.py", False), ("d/**/*.py", "d/a.py", True),
        ("d/**/*.py", "d/e/f/a.py", True), ("**/x", "x", True), ("**/x", "a/b/x", True),
        ("d/**", "d/a/b", True), ("d/", "d/a/b", True), ("a?c", "abc", True), ("a?c", "a/c", False),
        ("[ab].py", "b.py", True), ("[!ab].py", "c.py", True), ("[!ab].py", "a.py", False),
        ("a.b", "axb", False), ("a+b", "a+b", True), ("[", "[", True), ("a(b", "a(b", True),
        ("*/migrations/*.py", "app/migrations/0001.py", True),
        ("*/migrations/*.py", "src/app/migrations/0001.py", False), ("[]]", "]", True),
        ("[a-]", "-", True), ("new*", "new\nline", True),
    ],
)  # fmt: skip
def test_what_a_glob_names(pattern: str, path: str, named: bool) -> None:
    """One rule for the whole manifest."""
    assert matches(pattern, path) is named


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_glob(pattern: str, path: str) -> None:
    """Nonsense names nothing; it is no crash."""
    assert matches(pattern, path) in (True, False)


@given(st.text(st.characters(exclude_characters="*?[/", codec="utf-8"), min_size=1, max_size=12))
def test_plain_text_names_itself(path: str) -> None:
    """In any directory, and nothing else."""
    assert matching([path], [path, f"d/{path}", f"{path}x"]) == tuple(sorted([path, f"d/{path}"]))
