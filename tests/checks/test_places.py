"""What tools print about files, read as findings: the forms they have, and nothing made up."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.checks.model import Finding
from fairlead.checks.places import MOST_CHARACTERS, MOST_FINDINGS, places
from needs import needs

CASES = Path(__file__).parent.parent / "cases" / "places"
PATHS = ("src/a.py", "src/b.ts", "tests/test_a.py", "web/c.css", "a b.py", "schön.py")


def short(found: tuple[Finding, ...]) -> list[list[object]]:
    return [[f.path, f.line, str(f.level), f.message] for f in found]


@pytest.mark.parametrize("name", sorted(case.stem for case in CASES.glob("*.txt")))
def test_each_tools_output_gives_the_places_that_the_case_expects(name: str) -> None:
    """What the tool of that name printed points where the case says."""
    lines = (CASES / f"{name}.txt").read_text().splitlines()
    found = places("lint", lines, PATHS, "/srv/tree")
    assert short(found) == json.loads((CASES / f"{name}.json").read_text())
    assert {f.rule for f in found} <= {"lint.output"}


@pytest.mark.parametrize(
    "line",
    [
        "src/other.py:3: no such file in the tree",
        "/etc/passwd:3: not in the tree",
        "../src/a.py:3: above it",
        "http://src/a.py:80: an address",
        "2026-11-21 10:12:13: a time",
        '  File "/usr/lib/python3/site.py", line 3, in f',
        "src/a.py: no line",
        "",
    ],
)
def test_a_line_that_names_no_file_of_the_tree_is_no_finding(line: str) -> None:
    """Only files of the tree are pointed at."""
    assert places("x", [line, "ValueError: x"], PATHS, "/srv/tree") == ()


def test_escape_codes_are_taken_off() -> None:
    """Colours hide no place, and reach no report."""
    line = "\x1b[1msrc/a.py\x1b[m:3: \x1b[31merror:\x1b[m bad\x1b[2J"
    assert short(places("x", [line], PATHS)) == [["src/a.py", 3, "error", "bad"]]


def test_findings_are_bounded_and_not_repeated() -> None:
    """A tool that prints without end gives its first findings; the same one counts once."""
    lines = [f"src/a.py:{n // 2}: bad" for n in range(10_000)]
    found = places("x", lines, PATHS)
    assert len(found) == MOST_FINDINGS
    assert len(set(found)) == MOST_FINDINGS


def test_reading_ends_where_the_limit_is() -> None:
    """What stands behind the most that is read is not looked for."""
    flood = ["x" * 1_000_000] * (MOST_CHARACTERS // 1_000_000)
    assert places("x", [*flood, "src/a.py:3: bad"], PATHS) == ()


@given(st.lists(st.text(max_size=60) | st.sampled_from(["src/a.py:1: x", "  at f (src/a.py:1:2)"])))
@example(['  File "src/a.py", line 1', "", "E", "E   ", "not ok 1", "  location: 'src/a.py:1:1'"])
def test_any_output_gives_only_places_in_the_tree(lines: list[str]) -> None:
    """Whatever is printed, a finding names a file of the tree and says something."""
    for finding in places("x", lines, PATHS):
        assert finding.path in PATHS
        assert finding.message
        assert finding.line >= 0


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text(
        "import os\n\n\ndef f(x: int) -> str:\n    return {}[x]\n"
    )
    (tmp_path / "test_a.py").write_text(
        "import unittest\n\n\nclass T(unittest.TestCase):\n    def test(self):\n"
        "        from src.a import f\n        f(1)\n"
    )
    (tmp_path / "a.test.js").write_text(
        "const test = require('node:test');\ntest('one', () => {\n  throw new Error('no');\n});\n"
    )
    return tmp_path


def run(tree: Path, *argv: str) -> list[tuple[str, int]]:
    ended = subprocess.run(argv, cwd=tree, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    paths = [str(path.relative_to(tree)) for path in tree.rglob("*.*")]
    lines = (ended.stdout + ended.stderr).splitlines()
    return [(f.path, f.line) for f in places("x", lines, paths, str(tree))]


def test_the_ruff_that_is_installed_is_understood(tree: Path) -> None:
    """ruff's own default form points at the unused import."""
    assert run(tree, sys.executable, "-m", "ruff", "check", "--no-cache", "--isolated", "src") == [
        ("src/a.py", 1)
    ]


def test_the_pytest_that_is_installed_is_understood(tree: Path) -> None:
    """pytest points at the line that raised, in the code and not in the test."""
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_a.py")
    assert run(tree, *argv, "--rootdir=.") == [("src/a.py", 5)]


def test_unittests_traceback_is_understood(tree: Path) -> None:
    """A traceback points at its innermost line in the tree."""
    assert run(tree, sys.executable, "-m", "unittest", "test_a") == [("src/a.py", 5)]


def test_nodes_own_test_runner_is_understood(tree: Path) -> None:
    """node --test points at the test, or at the line that threw."""
    node = needs("node", package="nodejs", adds="run a test of Node's own runner")
    found = run(tree, node, "--test", "a.test.js")
    assert found
    assert {path for path, _ in found} == {"a.test.js"}
