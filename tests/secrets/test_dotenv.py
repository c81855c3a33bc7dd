"""A ``.env`` file is read as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinets import names, values
from fairlead.base.errors import UsageError
from fairlead.secrets.dotenv import parse


def read(text: str) -> dict[str, str]:
    return {name: value.reveal() for name, value in parse(text, ".env").items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b", {"A": "b"}),
        ("\ufeffA=b\r\nexport B = c d \n", {"A": "b", "B": "c d"}),
        ("# a comment\n\n  # another\nA=b # the end\n", {"A": "b"}),
        ("A=b#c", {"A": "b#c"}),
        ("A='b # $C \\n'", {"A": "b # $C \\n"}),
        ('A="b \\"c\\" \\\\ \\n \\$D \\e" # x', {"A": 'b "c" \\ \n $D \\e'}),
        ('A="one\ntwo"\nB=c', {"A": "one\ntwo", "B": "c"}),
        ("A=postgres://u:p=w@h/d?a=b&c", {"A": "postgres://u:p=w@h/d?a=b&c"}),
        ("A=$HOME `id`", {"A": "$HOME `id`"}),
        ("A=\nB=''", {"A": "", "B": ""}),
        ("A=1\nA=2", {"A": "2"}),
        ("", {}),
    ],
)
def test_what_a_file_means(text: str, expected: dict[str, str]) -> None:
    """Quotes, comments and several lines; nothing is filled in and nothing is run."""
    assert read(text) == expected


@pytest.mark.parametrize(
    "text", ["A='b", 'A="b', "hunter2", "A='b'c", "= x", "A=b\nplanted-value", "planted-value=x"]
)
def test_what_it_cannot_read_is_named_by_its_line_and_not_shown(text: str) -> None:
    """The line may hold a secret."""
    with pytest.raises(UsageError, match=r"\.env: line [12]: expected NAME=value") as caught:
        parse(text, ".env")
    assert not any(word in str(caught.value) for word in ("hunter2", "planted", "'b"))


@given(st.dictionaries(names, values.filter(lambda v: "'" not in v and "\r" not in v)))
def test_any_value_in_single_quotes_is_itself(given: dict[str, str]) -> None:
    """Whatever else is in it."""
    assert read("".join(f"{name}='{value}'\n" for name, value in given.items())) == given
