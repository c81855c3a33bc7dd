"""Editing settings.toml as a careful person would."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.errors import UsageError
from fairlead.desired.settings_text import edit, parse

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("text", "changes", "after"),
    [
        ("", {"A": "1"}, 'A = "1"\n'),
        ("# top\nA = 'x' # why\n\nB = \"y\"\n", {"B": "z"}, "# top\nA = 'x' # why\n\nB = \"z\"\n"),
        ('A = "x"', {"B": "y"}, 'A = "x"\nB = "y"\n'),
        ('A="x"\nAB = "y"\n', {"A": None}, 'AB = "y"\n'),
        ("A = true\nB = 7\n", {"C": "c"}, 'A = true\nB = 7\nC = "c"\n'),
        ('A = "x"\n', {"B": None}, 'A = "x"\n'),
        ('A = "x"\n', {"A": 'say "\\1"\n'}, 'A = "say \\"\\\\1\\"\\n"\n'),
        ('A = """\nB = 1\n"""\nC = "c"\n', {"B": "b"}, 'A = "B = 1\\n"\nC = "c"\nB = "b"\n'),
    ],
)
def test_only_what_is_named_changes(text: str, changes: dict[str, str | None], after: str) -> None:
    """Comments, order and spacing stay; what cannot be edited by line is written plainly."""
    assert edit(text, changes, "settings.toml") == after


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, st.none() | VALUES))
def test_what_is_set_is_read_back(before: dict[str, str], changes: dict[str, str | None]) -> None:
    """Any names and values, in the order they came."""
    first = edit("", before, "s")
    after = edit(first, changes, "s")
    wanted = {k: v for k, v in {**before, **changes}.items() if v is not None}
    assert parse(after, "s") == tomllib.loads(after) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A = 1.5", "A: expected a text, a whole number or true/false, got float"),
        ("[A]\nB = 1", "A: expected"),
        ("A = 2020-01-01", "got date"),
        ('"a b" = "x"', "'a b': expected letters"),
        ("A", "settings.toml: "),
        ("A = 1\nA = 2", "settings.toml: "),
        ("A = " + "[" * 5000, "settings.toml: "),
    ],
)
def test_a_mistake_names_file_and_key(text: str, said: str) -> None:
    """And shows how a line should look."""
    with pytest.raises(UsageError) as caught:
        parse(text, "settings.toml")
    assert said in caught.value.what
    assert 'NAME = "text"' in caught.value.hint
