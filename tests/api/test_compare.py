"""Two contracts → what the new one breaks: golden pairs, and what holds for all documents."""

import json
import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pairs import CASES, broken, from_texts, read, written
from fairlead.api.levels import LEVELS, STRICTER

NAMES = sorted(case.name for case in CASES.iterdir())
WRITE = os.environ.get("FAIRLEAD_WRITE_CASES")  # 1: write what is, then read the difference in git
# Where our judgement is another one than oasdiff's, and why: docs/design/api-shape.md.
OTHERWISE = {
    "answer-enum-value-added-extensible": "an old client was told that values come",
    "request-wrapped-in-all-of": "a wrapper around the same schema changes nothing",
}


def judge(*, adds: str) -> str:
    """oasdiff, where somebody has installed it with Go; it is in no Debian package."""
    found = shutil.which("oasdiff")
    if found is None:
        pytest.skip(f"no oasdiff: `go install github.com/oasdiff/oasdiff@v1.28.0` would {adds}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_breaks_what_it_says(name: str) -> None:
    """Each pair of contracts has exactly the findings that are written beside it."""
    old, new = read(CASES / name / "old.yaml"), read(CASES / name / "new.yaml")
    found = [
        {"rule": one.rule, "level": str(one.level), "subject": one.subject, "line": one.place.line}
        for one in broken(old, new)
    ]
    expected = CASES / name / "expected.json"
    if WRITE:
        expected.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(expected.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_breaks_nothing_of_itself(name: str) -> None:
    """Compared with itself, whatever its words and the order of its keys, it breaks nothing."""
    for file in ("old.yaml", "new.yaml"):
        one = read(CASES / name / file)
        assert broken(one, one) == []
        assert broken(one, written(json.loads(one.text))) == []


def test_oasdiff_reports_nothing_that_we_do_not() -> None:
    """In each pair, every error of oasdiff is one of ours, and ours are its or stricter by rule."""
    oasdiff = judge(adds="judge these pairs too")
    for name in set(NAMES) - set(OTHERWISE):
        pair = [str(CASES / name / file) for file in ("old.yaml", "new.yaml")]
        ran = subprocess.run(
            [oasdiff, "breaking", "--flatten-params", "-f", "json", *pair],
            capture_output=True,
            check=True,
        )
        theirs = {(one["id"], one["level"]) for one in json.loads(ran.stdout)}
        ours = {one["rule"] for one in json.loads((CASES / name / "expected.json").read_text())}
        assert {rule for rule, _ in theirs} <= ours, name
        assert ours - {rule for rule, _ in theirs} <= set(STRICTER), name


def test_the_rules_are_oasdiffs() -> None:
    """Each rule that is reported has oasdiff's level, or a stricter one that says why."""
    oasdiff = judge(adds="say which rules it has")
    ran = subprocess.run(
        [oasdiff, "checks", "changelog", "-f", "json"], capture_output=True, check=True
    )
    rules = json.loads(ran.stdout)
    levels = {one["id"]: str(one["level"]).lower() for one in rules}
    for rule, level in LEVELS.items():
        if rule not in STRICTER:
            assert levels[rule] == str(level)


def test_a_sentence_names_the_field_and_what_it_was() -> None:
    """A finding can be understood without the documents beside it."""
    (one,) = broken(
        read(CASES / "answer-type-changed" / "old.yaml"),
        read(CASES / "answer-type-changed" / "new.yaml"),
    )
    assert one.message == "GET /api/levels 200 body.level is string now, was integer"
    assert one.place.path == "new.yaml"
    assert one.hint


BASE = """
openapi: 3.0.3
info: {title: Rivers, version: "1"}
paths:
  /levels:
    get:
      responses:
        200:
          description: ok
          content:
            application/json:
              schema: {$ref: "parts/level.yaml#/Level"}
"""


def test_a_change_in_another_file_is_found_there() -> None:
    """A schema in another file of the tree belongs to the contract, with its own lines."""
    part = "Level:\n  type: object\n  properties:\n    at: {type: string}\n    unit: {$ref: '#/Unit'}\n"
    old = from_texts({"openapi.yaml": BASE, "parts/level.yaml": part + "Unit: {type: string}\n"})
    new = from_texts({"openapi.yaml": BASE, "parts/level.yaml": part + "Unit: {type: integer}\n"})
    (one,) = broken(old, new)
    assert one.subject == "GET /levels 200 body.unit"
    assert (one.place.path, one.place.line) == ("parts/level.yaml", 6)


SCALAR = st.sampled_from(["string", "integer", "number", "boolean"])
SCHEMA = st.recursive(
    st.one_of(
        st.builds(lambda kind: {"type": kind}, SCALAR),
        st.builds(
            lambda kind, low, high: {"type": kind, "minimum": low, "maximum": high, "nullable": True},
            SCALAR, st.integers(0, 9), st.floats(0, 9),
        ),
        st.builds(lambda values: {"enum": values}, st.lists(st.text(max_size=3), max_size=3)),
        st.sampled_from([{}, True, False, {"$ref": "#/components/schemas/A"}]),
    ),
    lambda below: st.one_of(
        st.builds(lambda item: {"type": "array", "items": item, "minItems": 1}, below),
        st.builds(
            lambda fields, needed: {"type": "object", "properties": fields, "required": needed},
            st.dictionaries(st.sampled_from("abc"), below, max_size=3),
            st.lists(st.sampled_from("abc"), max_size=2),
        ),
        st.builds(
            lambda key, parts: {key: parts},
            st.sampled_from(["allOf", "anyOf", "oneOf"]),
            st.lists(below, max_size=3),
        ),
        st.builds(lambda key, part: {key: part}, st.sampled_from(["not", "if", "contains"]), below),
    ),
    max_leaves=8,
)  # fmt: skip


def contract(schema: object, component: object) -> dict[str, object]:
    body = {"content": {"application/json": {"schema": schema}}}
    operation = {
        "parameters": [{"name": "q", "in": "query", "schema": schema}],
        "requestBody": body,
        "responses": {"200": {"description": "ok", **body}},
    }
    return {
        "openapi": "3.1.0",
        "paths": {"/a/{id}": {"post": operation}},
        "components": {"schemas": {"A": component}},
    }


@given(SCHEMA, SCHEMA)
def test_no_contract_breaks_itself(schema: object, component: object) -> None:
    """Whatever its schemas, and also where a component holds itself: nothing breaks."""
    one = contract(schema, {"type": "object", "properties": {"a": component}})
    assert broken(written(one), written(one)) == []


@given(SCHEMA, SCHEMA, SCHEMA, SCHEMA)
def test_any_two_contracts_can_be_compared(a: object, b: object, c: object, d: object) -> None:
    """A comparison ends, each finding has a level, and none is there twice."""
    found = broken(written(contract(a, {"not": b})), written(contract(c, {"not": d})))
    assert all(one.rule in LEVELS for one in found)
    keys = [(one.rule, one.subject, one.message) for one in found]
    assert len(set(keys)) == len(keys)
