"""Text from outside on a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.text import LONGEST, printable

DOT = "\N{MIDDLE DOT}"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain ünï 漢字 \t", "plain ünï 漢字 \t"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x9b31mred", "red"),
        ("\x1bcreset", "reset"),
        ("10%\r50%\r100%", "100%"),
        ("windows\r\n", "windows"),
        ("bell\x07 nul\0 del\x7f", f"bell{DOT} nul{DOT} del{DOT}"),
        ("\u202egnp.exe", f"{DOT}gnp.exe"),
        ("two\nlines", f"two{DOT}lines"),
    ],
)
def test_what_is_shown(said: str, shown: str) -> None:
    """Colours and titles go; controls and reversed text are dots; a progress bar is its end."""
    assert printable(said) == shown


@given(st.text())
def test_nothing_that_acts_is_shown(said: str) -> None:
    """Whatever comes in: no control character but a tab, and no endless line."""
    shown = printable(said)
    assert {unicodedata.category(one) for one in shown} & {"Cc", "Cs", "Zl", "Zp"} <= {"Cc"}
    assert all(one == "\t" for one in shown if unicodedata.category(one) == "Cc")
    shown.encode()


def test_a_long_line_is_cut() -> None:
    """And says so."""
    assert printable("x" * 10_000) == "x" * LONGEST + " …"
