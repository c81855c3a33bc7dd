"""The secrets of a tree: what is looked at, what is left out, and what the answer is."""

import shutil
import time
from pathlib import Path

import pytest

from fairlead.checks.model import Answer, Asked, Level, Reply
from fairlead.leaks.rules import look
from fairlead.manifest.questions import Secrets
from fairlead.questions import secrets
from fairlead.questions._tree import files

ROOT = Path(__file__).parent.parent.parent
ASSIGNED = 'SECRET_KEY = "k3Jq9vX2mZ7pL4tR8wN5"\n'


def asked(tree: Path, **question: object) -> Reply:
    return secrets.answer(Asked(Secrets(**question), str(tree), ""))  # type: ignore[arg-type]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/settings.py").write_text("DEBUG = False\n")
    return tmp_path


def test_a_tree_without_secrets_passes(tree: Path) -> None:
    """And says how many files that are."""
    assert asked(tree) == Reply(Answer.PASSED, "no secret in 1 files")


def test_a_secret_fails_by_file_and_line(tree: Path) -> None:
    """With what to do."""
    (tree / "app/settings.py").write_text(f"DEBUG = False\n{ASSIGNED}")
    reply = asked(tree)
    [found] = reply.findings
    assert (reply.answer, reply.reason) == (Answer.FAILED, "1 secrets in 1 files")
    assert (found.rule, found.path, found.line) == ("secrets.setting", "app/settings.py", 2)
    assert "fairlead secret set" in found.hint


def test_what_a_person_left_out_is_counted(tree: Path) -> None:
    """By a glob, and by a mark on the line."""
    (tree / "app/old.py").write_text(ASSIGNED)
    (tree / "app/more.py").write_text(f"# fairlead: not a secret\n{ASSIGNED}")
    reply = asked(tree, except_=("app/old.py",))
    assert reply.answer is Answer.PASSED
    assert reply.reason == "no secret in 2 files, 1 left out by `except`, 1 marked as none"


def test_a_text_that_is_too_large_is_not_known(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its beginning is looked at; a binary's end is no text, and does not hold up anybody."""
    monkeypatch.setattr(secrets, "MOST", 100_000)
    (tree / "data.bin").write_bytes(b"\0" * (secrets.MOST + 1))
    assert asked(tree).answer is Answer.PASSED
    (tree / "data.json").write_bytes(b" " * (secrets.MOST + 1))
    reply = asked(tree)
    assert (reply.answer, len(reply.findings)) == (Answer.NOT_KNOWN, 2)
    assert asked(tree, except_=("data.*",)).answer is Answer.PASSED
    (tree / "data.json").write_bytes(
        b'{"secret_key": "k3Jq9vX2mZ7pL4tR8wN5"}' + b" " * secrets.MOST
    )
    assert asked(tree).answer is Answer.FAILED


def test_links_are_not_followed(tree: Path) -> None:
    """Nor is git's own directory looked at."""
    outside = tree.parent / f"{tree.name}-outside"
    outside.mkdir()
    (outside / "settings.py").write_text(ASSIGNED)
    (tree / "link").symlink_to(outside)
    (tree / "link.py").symlink_to(outside / "settings.py")
    (tree / ".git").mkdir()
    (tree / ".git/config.py").write_text(ASSIGNED)
    assert asked(tree) == Reply(Answer.PASSED, "no secret in 1 files")


def test_an_empty_tree_is_not_applicable(tmp_path: Path) -> None:
    """There is nothing to look at."""
    assert asked(tmp_path).answer is Answer.NOT_APPLICABLE


def test_the_example_has_no_secret(tmp_path: Path) -> None:
    """As it is handed on."""
    tree = tmp_path / "riverside"
    shutil.copytree(ROOT / "examples/riverside", tree, ignore=shutil.ignore_patterns("*.sqlite3*"))
    reply = asked(tree)
    assert (reply.answer, reply.findings) == (Answer.PASSED, ())


def test_our_own_tree_has_no_secret() -> None:
    """Neither the code that looks for them nor its tests; with no exception."""
    found = [
        finding
        for part in ("benchmarks", "docs", "examples", "requirements", "src", "tests", "tools")
        for path in files(str(ROOT / part))
        for finding in look(f"{part}/{path}", (ROOT / part / path).read_bytes()).findings
    ]
    assert [one for one in found if one.level is Level.ERROR] == []


def test_a_thousand_files_take_half_a_second(tmp_path: Path) -> None:
    """Of the size that files of code have, 6 kB: a quarter of them, a quarter of that."""
    text = "".join(f"def name_{n}(token: str) -> str:\n    return token\n\n\n" for n in range(120))
    for number in range(250):
        (tmp_path / f"file{number}.py").write_text(text)
    began = time.process_time()
    assert asked(tmp_path).answer is Answer.PASSED
    assert time.process_time() - began < 0.5  # four times the figure: the machine is shared
