"""The one table of keys: what is made from it is current, and says the same as the parser."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fairlead.manifest
from fairlead.base.ids import is_name
from fairlead.manifest.editor import json_schema
from fairlead.manifest.kinds import Kind, Text, seconds, time_text
from fairlead.manifest.mistakes import ManifestError
from fairlead.manifest.reference import reference
from fairlead.manifest.rules import parse
from fairlead.manifest.schema import APP, BRANCH, NAME
from fairlead.manifest.tables import Choice, Field, Named, Table
from fairlead.manifest.web import WordOr

ROOM = Path(fairlead.manifest.__file__).parent
PROJECT = Path(__file__).parents[2]
CASES = PROJECT / "tests" / "cases" / "manifest"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(json_schema()))


def tables(kind: Kind) -> Iterator[Table]:
    """All tables of the schema."""
    if isinstance(kind, Table):
        yield kind
        for field in kind.fields:
            yield from tables(field.kind)
    elif isinstance(kind, Named | WordOr):
        yield from tables(kind.table)
    elif isinstance(kind, Choice):
        for table in kind.variants.values():
            yield from tables(table)


FIELDS = [(table, field) for table in tables(APP) for field in table.fields]
IDS = [f"{table.at}:{field.name}" for table, field in FIELDS]


def test_the_published_schema_is_current():
    """If not: python -m fairlead.manifest schema > src/fairlead/manifest/schema.json"""
    assert (ROOM / "schema.json").read_text() == json_schema()


def test_the_reference_page_is_current():
    """If not: python -m fairlead.manifest reference > docs/reference/manifest.md"""
    assert (PROJECT / "docs" / "reference" / "manifest.md").read_text() == reference()


def test_the_command_prints_what_is_published():
    run = [sys.executable, "-m", "fairlead.manifest"]
    made = subprocess.run([*run, "schema"], capture_output=True, text=True, check=True)
    assert made.stdout == json_schema()
    assert subprocess.run(run, capture_output=True).returncode == 2


def test_the_published_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(json.loads(json_schema()))


def documents():
    for case in sorted(CASES.iterdir()):
        text = (case / "fairlead.toml").read_text()
        try:
            yield pytest.param(tomllib.loads(text), text, id=case.name)
        except tomllib.TOMLDecodeError:
            continue  # an editor says this by itself


def of_form(text: str) -> bool:
    """Whether the parser finds a mistake of form in it."""
    try:
        parse(text)
    except ManifestError as error:
        return any(mistake.form for mistake in error.mistakes)
    return False


@pytest.mark.parametrize(("document", "text"), list(documents()))
def test_a_validator_and_the_parser_agree_on_form(document: object, text: str):
    assert VALIDATOR.is_valid(document) == (not of_form(text))


WORDS = [
    "",
    " ",
    "a",
    "A",
    "/",
    "/a",
    "..",
    "a/..",
    "a/../b",
    "./a",
    ".",
    "a.b",
    "a b",
    "main",
    "-x",
]
WORDS += ["x.lock", "a..b", "@", "HEAD", "127.0.0.1:80", ":80", "[::1]:80", "h:0", "h:65536", "5m"]
WORDS += ["0s", "01s", "99999d", "99999h", "9999d", "500ms", "é", "a\x00b", "x {port}", "**/*.py"]
VALUES = st.sampled_from(WORDS) | st.integers(-2, 10**10) | st.booleans() | st.text(max_size=3)


@pytest.mark.parametrize(("table", "field"), FIELDS, ids=IDS)
@settings(max_examples=30)  # for each of some fifty fields
@given(value=VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=3), VALUES))
def test_each_field_reads_what_its_schema_allows(table: Table, field: Field, value: object):
    """Kind by kind, on values of every shape (a last newline apart: Python's $ stops before it)."""
    if isinstance(value, str) and value.endswith("\n"):
        return
    said: list[bool] = []
    field.kind.read(value, "key", lambda key, what, form: said.append(form))
    valid = jsonschema.Draft202012Validator(field.kind.schema()).is_valid(value)
    if '\\n"' not in json.dumps(value):
        assert valid == (not any(said))


@pytest.mark.parametrize(("table", "field"), FIELDS, ids=IDS)
def test_each_field_stands_in_the_model_with_its_default(table: Table, field: Field):
    names = {f.name for f in msgspec.structs.fields(table.model)}
    assert field.to == "-" or field.target in names
    if isinstance(field.kind, Text) and not table.required(field):
        assert field.kind.show(table.default(field)) in ("", f'"{table.default(field)}"')


@pytest.mark.parametrize("table", list(tables(APP)), ids=lambda table: table.at or "top")
def test_the_model_holds_nothing_the_manifest_cannot_say(table: Table):
    said = {field.target for field in table.fields}
    assert {f.name for f in msgspec.structs.fields(table.model)} - {"name"} <= said


@pytest.mark.parametrize(("table", "field"), FIELDS, ids=IDS)
def test_each_example_is_one(table: Table, field: Field):
    if field.example:
        said: list[str] = []
        value = tomllib.loads(f"x = {field.example}")["x"]
        field.kind.read(value, "key", lambda key, what, form: said.append(what))
        assert said == []


def test_the_annotated_example_is_an_app_and_names_every_key():
    text = (ROOM / "example.toml").read_text()
    parse(text)
    assert VALIDATOR.is_valid(tomllib.loads(text))
    missing = {field.name for _, field in FIELDS if f"{field.name} = " not in text}
    headed = {name for name in missing if f"[{name}" in text or f".{name}]" in text}
    assert missing == headed


def test_the_defaults_the_example_names_are_the_defaults():
    """Each `default X` beside a key, against the schema's own."""
    heading, seen = "", 0
    for line in (ROOM / "example.toml").read_text().splitlines():
        heading = line[1:].partition("]")[0] if line.startswith("[") else heading
        match = re.match(r"(\w+) = .*# .*default (\d+\w?)$", line)
        if match:
            at = re.sub(r"^(role|check|smoke|environment)\.\w+", r"\1.NAME", heading)
            table, field = next(f for f in FIELDS if f[0].at == at and f[1].name == match[1])
            assert match[2] == str(seconds_or_text(field.kind.show(table.default(field)))), line
            seen += 1
    assert seen >= 7


def seconds_or_text(shown: str) -> str:
    plain = shown.strip('"')
    return {"1m": "60s"}.get(plain, plain)


@given(st.text(alphabet="az09-A_\n", max_size=40))
def test_names_are_those_of_base_ids(text: str):
    assert NAME.fits(text) == is_name(text)


@given(st.integers(0, 10**9))
def test_a_time_reads_back_as_it_was_shown(value: int):
    if len(time_text(value)) <= 5:
        assert seconds(time_text(value)) == value


@settings(max_examples=50)  # each asks a process
@given(st.text(alphabet="a/.@{~^:?*[\\- \x7f\x1fé", min_size=1, max_size=6))
def test_branch_names_are_those_git_allows(text: str):
    """Asked of git itself. @{-1} and the like are no names but ways to say one."""
    run = ["git", "check-ref-format", f"refs/heads/{text}"]
    allowed = subprocess.run(run, check=False).returncode == 0 and text[0] != "-" and text != "@"
    assert BRANCH.fits(text) == allowed
