"""Command lines: what is one command, and what only a shell can run."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.manifest.commands import flaw, placeholders, words

PLAIN = [
    "gunicorn app",
    "sh -c 'a && b | c > d; $X'",
    'sh -c "a && b"',
    r"grep a\|b",
    "python -c 'print(1)'",
    "curl 'http://localhost/?a=1&b=2'",
    "x --price 5$",
    "x {socket} {y}",
    "x 'a\nb'",
    "x\n",
]
SHELL = ["a && b", "a || b", "a;b", "a | b", "a > b", "a < b", "a &", "a $X", "a ${X}", "a $(b)"]
SHELL += ["a `b`", "a\nb", "'a' && 'b'"]


@pytest.mark.parametrize("command", PLAIN)
def test_a_plain_command_has_no_flaw(command: str):
    assert flaw(command) == ""


@pytest.mark.parametrize("command", SHELL)
def test_what_only_a_shell_can_run_is_refused(command: str):
    assert "no shell runs it" in flaw(command)


@pytest.mark.parametrize("command", ["x 'y", 'x "y', "x \\"])
def test_an_open_quote_is_refused(command: str):
    assert "quotes" in flaw(command)


@given(
    st.lists(
        st.text(alphabet="ab'\"\\$&|;<>` \n{}", min_size=1, max_size=5), min_size=1, max_size=3
    )
)
def test_quoted_words_are_one_command_and_come_back_whole(argv: list[str]):
    command = shlex.join(argv)
    assert flaw(command) == ""
    assert list(words(command)) == argv


@given(st.text(alphabet="ab'\"\\ ", min_size=1, max_size=8))
def test_words_are_split_as_a_shell_splits_them(command: str):
    """Asked of sh itself, for every command without a flaw."""
    if flaw(command) == "" and "\\" not in command:
        shown = subprocess.run(
            ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True
        )
        assert shown.stdout.splitlines() == list(words(command))


def test_placeholders_are_found():
    assert placeholders("x {port} {socket} {other}") == ("{socket}", "{port}")
