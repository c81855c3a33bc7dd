"""GraphQL schemas: what breaks, under which name, and what is kept."""

import contextlib
import json

import pytest
from graphql import build_schema, introspection_from_schema
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.api.graphql_schema import compare, from_json, from_sdl, is_schema
from fairlead.api.text import Broken
from fairlead.checks.model import Level

OLD = """
type Query {
  level(gauge: ID): Int
  state: State!
  place: Place
}
enum State { LOW HIGH }
union Place = River | Lake
type River { name: String }
type Lake { name: String }
"""


@pytest.mark.parametrize(
    ("old", "new", "rule", "subject", "line", "level"),
    [
        ("level(gauge: ID): Int", "", "graphql-field-removed", "Query.level", 2, Level.ERROR),
        ("State!", "State", "graphql-field-changed-kind", "Query.state", 4, Level.ERROR),
        ("HIGH", "HIGH FLOOD", "graphql-value-added-to-enum", "State.FLOOD", 7, Level.ERROR),
        ("gauge: ID", "gauge: ID, at: Int", "graphql-optional-arg-added", "Query.level(at:)", 3,
         Level.WARNING),
        ("River | Lake", "River", "graphql-type-removed-from-union", "Lake Place", 10, Level.ERROR),
    ],
)  # fmt: skip
def test_a_change_is_named(
    old: str, new: str, rule: str, subject: str, line: int, level: Level
) -> None:
    """Each change has graphql-core's kind as its rule, its coordinate, and the line."""
    assert old in OLD
    found = compare(from_sdl(OLD), from_sdl(OLD.replace(old, new), "schema.graphql"))
    first = next(one for one in found if one.rule == rule)
    assert (first.subject, first.level, first.place.line) == (subject, level, line)


def test_what_is_kept_is_the_same_schema() -> None:
    """The kept text breaks nothing, and is the same for another order and for introspection."""
    one = from_sdl(OLD)
    kept = json.loads(one.kept())
    assert compare(one, from_json(kept)) == []
    seen = {"data": introspection_from_schema(build_schema(OLD))}
    assert is_schema(kept)
    assert is_schema(seen)
    assert from_json(seen).kept() == one.kept()


@given(st.text())
@example("{" * 50_000)
@example("type A { a: B }")
@example("type Query { a: Int } type Query { b: Int }")
def test_only_our_errors_come_out(text: str) -> None:
    """Whatever the text: a schema, or Broken."""
    with contextlib.suppress(Broken):
        from_sdl(text)


NAMES = st.sampled_from(["types", "name", "kind", "queryType", "Query", "OBJECT"])
SEEN = st.recursive(NAMES, lambda x: st.dictionaries(NAMES, x | st.lists(x)), max_leaves=9)


@given(SEEN)
def test_an_introspection_of_any_shape_is_read_or_refused(value: object) -> None:
    """Whatever an answer holds: a schema, or Broken."""
    with contextlib.suppress(Broken):
        from_json({"__schema": value})
