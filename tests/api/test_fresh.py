"""Whether an answer's contract says how old the answer is."""

import pytest

from api.pairs import from_texts
from fairlead.api.fresh import breaks

TEXT = """
openapi: 3.1.0
info: {title: Rivers, version: "1"}
paths:
  /levels:
    get:
      responses:
        200:
          description: ok
          content:
            application/json:
              schema:
                type: object
                required: [generated_at, status, meta]
                properties:
                  generated_at: {type: string, format: date-time}
                  status:
                    type: string
                    enum: [fresh, unknown]
                    description: "`unknown`: no gauge has answered for an hour."
                  meta:
                    allOf:
                      - type: object
                        required: [observed_at]
                        properties: {observed_at: {type: string, format: date-time}}
"""
ALL = (("GET /levels", ("generated_at", "status", "meta.observed_at")),)


def rules(text: str, fresh: tuple[tuple[str, tuple[str, ...]], ...] = ALL) -> list[tuple[str, str]]:
    found = breaks(from_texts({"openapi.yaml": text}).document, fresh)
    return [(one.rule, one.subject) for one in found]


def test_declared_fields_that_are_there_are_fine() -> None:
    """Required, typed, and with a documented value for what is not known: nothing to say."""
    assert rules(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new", "rule", "field"),
    [
        ("[generated_at, status", "[status", "fresh-field-optional", "generated_at"),
        ("generated_at: {type: string, format", "made: {type: string, format", "fresh-field-missing",
         "generated_at"),
        ("generated_at: {type: string, format: date-time}", "generated_at: {type: integer}",
         "fresh-field-type", "generated_at"),
        ("{type: string, format: date-time}", "{type: [string, 'null'], format: date}",
         "fresh-field-type", "generated_at"),
        ("[fresh, unknown]", "[fresh, old]", "fresh-unknown-missing", "status"),
        ("`unknown`:", "So:", "fresh-unknown-undocumented", "status"),
        ("required: [observed_at]", "required: []", "fresh-field-optional", "meta.observed_at"),
    ],
)  # fmt: skip
def test_what_is_lacking_is_named(old: str, new: str, rule: str, field: str) -> None:
    """Each way in which a declared field does not do is a finding of its own."""
    assert old in TEXT
    assert rules(TEXT.replace(old, new, 1)) == [(rule, f"GET /levels 200 body.{field}")]


def test_a_list_of_descriptions_documents_the_unknown_too() -> None:
    """`x-enum-descriptions`, by value or in the values' order, counts as documentation."""
    text = TEXT.replace("`unknown`:", "So:")
    for said in ("{unknown: No gauge.}", "[Now., No gauge.]"):
        assert rules(text.replace("type: string\n", f"x-enum-descriptions: {said}\n")) == []
    assert rules(text.replace("type: string\n", "x-enum-descriptions: [Now.]\n")) != []


def test_an_operation_that_is_not_there_is_a_finding() -> None:
    """A declaration for an operation that was renamed must not pass in silence."""
    assert rules(TEXT, (("GET /gone", ("status",)),)) == [("fresh-operation-missing", "GET /gone")]
    bare = TEXT.split("          content:", maxsplit=1)[0]
    assert rules(bare, ALL) == [("fresh-answer-missing", "GET /levels")]
