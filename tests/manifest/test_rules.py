"""text → App: golden cases, and that nothing but a ManifestError ever comes out."""

import json
import os
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.base.errors import UsageError
from fairlead.manifest.mistakes import ManifestError
from fairlead.manifest.model import App
from fairlead.manifest.rules import LONGEST, parse
from fairlead.manifest.schema import APP
from fairlead.manifest.tables import Choice, Named, Table
from fairlead.manifest.web import WordOr

CASES = Path(__file__).parent.parent / "cases" / "manifest"
NAMES = sorted(case.name for case in CASES.iterdir())
WRITE = os.environ.get("FAIRLEAD_WRITE_CASES")  # 1: write what is, then read the difference in git
LEAST = """
app = "a"
[build]
kind = "python"
[role.web]
command = "x"
"""


def outcome(text: str) -> tuple[str, str]:
    """The file a case's answer stands in, and the answer."""
    try:
        found = msgspec.to_builtins(parse(text))
    except ManifestError as error:
        return "expected.txt", f"{error}\n"
    return "expected.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_answers_what_the_case_expects(name: str):
    file, text = outcome((CASES / name / "fairlead.toml").read_text())
    if WRITE:
        (CASES / name / file).write_text(text)
    assert text == (CASES / name / file).read_text()
    assert len(list((CASES / name).iterdir())) == 2, "a case is a manifest and one answer"


def test_there_are_cases_enough():
    assert len(NAMES) >= 25


def test_ten_mistakes_are_named_at_once():
    with pytest.raises(ManifestError) as caught:
        parse((CASES / "ten-mistakes" / "fairlead.toml").read_text())
    assert len(caught.value.mistakes) == 10
    assert len({mistake.key for mistake in caught.value.mistakes}) == 10


def test_the_message_of_the_design():
    with pytest.raises(ManifestError) as caught:
        parse(LEAST + 'copies = "two"')
    said = 'fairlead.toml: role.web.copies: expected a whole number from 1, got "two"'
    assert [str(mistake) for mistake in caught.value.mistakes] == [said]
    assert caught.value.what == said
    assert caught.value.hint
    assert isinstance(caught.value, UsageError)
    assert caught.value.exit_code == 2


def test_the_file_is_called_what_the_caller_calls_it():
    with pytest.raises(ManifestError, match=r"^shop/fairlead.toml: line 1, column 5: "):
        parse("app ?", "shop/fairlead.toml")


def test_a_setting_that_is_wrong_is_never_shown():
    for value in ("[ 'hunter2' ]", "{ x = 'hunter2' }", '"hunter2\\u0000"', "1979-05-27"):
        with pytest.raises(ManifestError) as caught:
            parse(f"{LEAST}[environment.local.settings]\nPASSWORD = {value}")
        assert "PASSWORD" in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert "1979" not in str(caught.value)


def test_the_order_of_settings_does_not_matter():
    one = parse(LEAST + "[environment.local.settings]\nB = 1\nA = true")
    other = parse(LEAST + "[environment.local.settings]\nA = true\nB = 1")
    assert one == other
    assert one.environments[0].settings == (("A", "true"), ("B", "1"))


def test_a_manifest_that_is_too_long_is_refused():
    with pytest.raises(ManifestError, match="at most"):
        parse("#" * (LONGEST + 1))


@given(st.text())
@example("a = " + "[" * 5000)
@example("a = " + "9" * 5000)
@example("a = 'x\ud800'")
@example("\x00")
@example("a.b = 1\na.b.c = 2")
@example("[a]\n[a]")
@example("a = 1\r\nb = nan\r\nc = 0000-00-00")
def test_any_text_is_an_app_or_a_manifest_error(text: str):
    never_anything_else(text)


def never_anything_else(text: str) -> None:
    try:
        found = parse(text)
    except ManifestError as error:
        lines = [str(mistake) for mistake in error.mistakes]
    else:
        assert isinstance(found, App)
        return
    assert lines
    assert all(line.isprintable() and line.startswith("fairlead.toml: ") for line in lines)


def keys(kind: object) -> set[str]:
    """Every key and word that the schema knows."""
    if isinstance(kind, Table):
        return set(kind.names).union(*(keys(field.kind) for field in kind.fields))
    if isinstance(kind, Named | WordOr):
        return keys(kind.table)
    if isinstance(kind, Choice):
        return {"kind", *kind.variants}.union(*map(keys, kind.variants.values()))
    return set()


VALUES = st.recursive(
    st.sampled_from(
        ["web", "a", "x {port}", "x {socket}", "/", "/health", "5m", "main", "python", "canary", ""]
    )
    | st.text(max_size=4)
    | st.integers()
    | st.booleans()
    | st.floats(),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(sorted(keys(APP))), below)
    ),
    max_leaves=40,
)


def toml(value: object) -> str:
    """TOML for any value that has a JSON-like form; tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower()  # true, 1, 1.5, inf, nan


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


@given(st.dictionaries(st.sampled_from(APP.names), VALUES))
def test_any_document_of_known_words_is_an_app_or_a_manifest_error(document: dict[str, object]):
    """Right keys and wrong values everywhere: also where rules look at several keys."""
    text = "\n".join(f"{key} = {toml(value)}" for key, value in document.items())
    tomllib.loads(text)
    never_anything_else(text)
