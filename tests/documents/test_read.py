"""YAML and JSON that nobody vouches for, with their lines."""

import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairlead.documents.compose import MAX_DEPTH
from fairlead.documents.model import Unreadable
from fairlead.documents.read import MAX_CHARACTERS, decoded, document, documents

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
DEEP = "\n".join(
    f"{name}: &{name} {'[' * 45}*{before}{']' * 45}" if before else f"{name}: &{name} x"
    for before, name in zip(["", "a", "b", "c"], "abcd", strict=True)
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Nd"], exclude_characters="\ufeff")
)
DATA = st.recursive(
    SCALARS, lambda below: st.lists(below) | st.dictionaries(st.text("abcde"), below), max_leaves=20
)


def test_each_part_has_its_line() -> None:
    """A value's line is its key's; an item's is its dash's; what is missing has its parent's."""
    found = document("a:\n  b:\n  - 1\n  -\n    c: 2\nd: 3\n")
    assert [found.line(path) for path in (("a",), ("a", "b", 1, "c"), ("d",))] == [1, 5, 6]
    assert found.line(("a", "b", 7, "x")) == 2
    assert found.line() == 1


def test_json_has_lines_too() -> None:
    """They are looked for when one is asked for."""
    assert document('{\n "a": [\n  1,\n  {"b": 2}\n ]\n}').line(("a", 1, "b")) == 4


def test_a_text_has_several_documents() -> None:
    """With lines of the text, and empty ones among them."""
    found = documents("a: 1\n---\n# nothing\n---\nb: 2\n")
    assert [one.data for one in found] == [{"a": 1}, None, {"b": 2}]
    assert found[2].line(("b",)) == 5


def test_words_are_what_the_schema_says() -> None:
    """The core schema of YAML 1.2; times and the words of YAML 1.1 stay text."""
    text = "[yes, on, 0o17, 017, 0x1f, 1e3, .5, -1, ~, null, 2020-01-01, 1:30, '1', .inf, 1_0]"
    assert document(f"x: {text}").data["x"] == [
        "yes", "on", 15, 17, 31, 1000.0, 0.5, -1, None, None, "2020-01-01", "1:30", "1", math.inf,
        "1_0",
    ]  # fmt: skip


def test_words_of_yaml_1_1_are_read_as_kubernetes_reads_them() -> None:
    """Booleans and octal numbers."""
    assert document("x: [yes, off, 0644, 08]", old=True).data["x"] == [True, False, 0o644, 8]


def test_keys_are_text() -> None:
    """As they were written."""
    assert document("200: a\ntrue: b\n1.0: c\n2020-01-01: d\n").data == {
        "200": "a", "true": "b", "1.0": "c", "2020-01-01": "d",
    }  # fmt: skip


def test_merge_keys_are_merged() -> None:
    """What is written itself wins, wherever it stands."""
    found = document("a: &a {x: 1, y: 2}\nb:\n  x: 9\n  <<: *a\nc: {<<: [{z: 0}, *a]}\n")
    assert found.data["b"] == {"x": 9, "y": 2}
    assert found.data["c"] == {"z": 0, "x": 1, "y": 2}
    assert found.line(("b", "y")) == 1


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands twice"),
        ('{"a": 1,\n "a": 2}', 2, "'a' stands twice"),
        ("a: !Ref b\n", 1, "!Ref"),
        ("a: !!python/object:os.system {}\n", 1, "python/object"),
        ("[a, b]: c\n", 1, "a key is"),
        ("a: 1\n<<: 2\n", 2, "<< takes"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, line: int, part: str) -> None:
    """The rest is read all the same."""
    [mistake] = document(text).mistakes
    assert (mistake.line, part in mistake.what) == (line, True)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b\n c: d", 2),
        ("a: [1,\n*a]", 2),
        ("a: &a [1, *a]", 1),
        ("a: \x00", 0),
        ("a: \ud800", 0),
        ("[" * 100_000, 0),
        ("- " * (MAX_DEPTH + 1) + "a", 1),
        ('{"a":' * 101 + "1" + "}" * 101, 0),
        ('{"a":' * 5000 + "1" + "}" * 5000, 0),
        (BOMB, 6),
        ("%YAML 9.9\n---\na", 1),
        ("x" * (MAX_CHARACTERS + 1), 0),
        ('{"a": "\\ud800"}', 0),
        (DEEP, 4),
        ("1" * 5000 + ": [" + "9" * 5000, 1),
    ],
)
def test_what_is_no_document_is_said(text: str, line: int) -> None:
    """Nor what is too deep, too large, or large once its aliases are written out."""
    with pytest.raises(Unreadable) as caught:
        documents(text)
    assert caught.value.line == line


def test_numbers_that_json_does_not_have_are_words() -> None:
    """As in YAML, where they are written .nan and .inf."""
    assert document('{"a": NaN}').data == {"a": "NaN"}
    assert document('{"a": "\\ud83d\\ude00"}').data == {"a": "\U0001f600"}


def test_several_bombs_are_one() -> None:
    """The bound is the text's, not each document's."""
    one = "\n".join(BOMB.split("\n")[:5])
    with pytest.raises(Unreadable):
        documents("\n---\n".join([one] * 30))


def test_bytes_are_utf_8() -> None:
    """With a mark or none; where they end to be is said."""
    assert decoded(b"\xef\xbb\xbfa: 1") == "a: 1"
    with pytest.raises(Unreadable) as caught:
        decoded(b"a: 1\nb: \xff")
    assert caught.value.line == 2


@given(DATA)
def test_what_yaml_writes_is_read(data: object) -> None:
    """PyYAML's own writer is the judge, and json for JSON.

    No text has a digit: PyYAML takes 0E0 for a word, as YAML 1.1 does, and leaves it bare.
    """
    assert document(yaml.safe_dump(data)).data == data
    assert document(json.dumps([data], indent=1)).data == [data]
