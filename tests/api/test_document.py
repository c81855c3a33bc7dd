"""Bytes → a whole document, or a sentence that says why not."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.pairs import broken, from_texts, written
from fairlead.api.document import kept, load
from fairlead.api.operations import Fingerprints, operations
from fairlead.api.text import Broken
from fairlead.base.errors import FairleadError, Unknown

START = "openapi: 3.0.3\ninfo: {title: Rivers, version: '1'}\n"
GET = "get: {responses: {200: {description: ok, content: {application/json: {schema: SCHEMA}}}}}"


def with_schema(schema: str) -> str:
    return f"{START}paths:\n  /levels:\n    {GET.replace('SCHEMA', schema)}\n"


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("- 1", "no OpenAPI document: it is no object", 1),
        ("a: 1", "no OpenAPI document: it has no `openapi`", 1),
        (START + "paths: {}\npaths: {}", "the key 'paths' stands twice", 4),
        (START + "paths: []", "`paths` is no object", 1),
        ("a: [", "it is no YAML: did not find expected node content", 2),
        (
            with_schema("{$ref: '#/components/schemas/Gone'}"),
            "a reference to what is not there: #/components/schemas/Gone",
            5,
        ),
        (
            START + "paths: {}\ncomponents:\n  schemas:\n    A: {$ref: '#/components/schemas/A'}",
            "references that only point at each other: #/components/schemas/A",
            6,
        ),
    ],
)
def test_what_is_broken_says_where(text: str, what: str, line: int) -> None:
    """A document that cannot be one names what is wrong, and the line."""
    with pytest.raises(Broken) as caught:
        from_texts({"openapi.yaml": text})
    assert (caught.value.what, caught.value.line) == (what, line)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("swagger: '2.0'", "the document is Swagger 2.0"),
        ("openapi: 4.0.0", "OpenAPI 4.0.0 is not read; 3.0 and 3.1 are"),
        (
            with_schema("{$ref: 'https://example.org/a.yaml#/A'}"),
            "a reference out of the tree is not followed: https://example.org/a.yaml#/A",
        ),
        (
            with_schema("{$ref: '../../etc/passwd'}"),
            "a reference out of the tree is not followed: ../../etc/passwd",
        ),
        (with_schema("{$ref: '#level'}"), "a reference by anchor is not followed: #level"),
    ],
)
def test_what_cannot_be_judged_is_not_known(text: str, what: str) -> None:
    """What is out of reach, or another version, is not known: it is never passed over."""
    with pytest.raises(Unknown) as caught:
        from_texts({"openapi.yaml": text})
    assert caught.value.what == what


def test_references_in_examples_are_data() -> None:
    """An example may hold a `$ref` that leads nowhere: nobody follows it."""
    text = with_schema("{type: object, example: {$ref: 'https://example.org'}}")
    assert len(operations(from_texts({"openapi.yaml": text}).document)) == 1


def test_the_kept_copy_is_whole() -> None:
    """What is kept holds the other files, so it can be read without them."""
    files = {
        "api/openapi.yaml": with_schema("{$ref: '../parts/a b.yaml#/A'}"),
        "parts/a b.yaml": "A: {type: array, items: {$ref: '#/B'}}\nB: {$ref: 'c.yaml'}",
        "parts/c.yaml": "type: integer",
    }
    one = from_texts(files, "api/openapi.yaml")
    again = Fingerprints(kept(one.text), one.text)
    schema = again.document.root["paths"]["/levels"]["get"]["responses"]["200"]["content"]
    array = again.document.whole(schema["application/json"]["schema"])
    assert again.document.whole(array["items"]) == {"type": "integer"}
    assert again.document.kept() == one.text


def test_words_are_not_kept() -> None:
    """Two documents that differ in descriptions and order only are one contract."""
    one = from_texts({"openapi.yaml": with_schema("{type: object, properties: {description: {}}}")})
    other = with_schema(
        "{properties: {description: {description: W}}, description: X, type: object}"
    )
    assert from_texts({"openapi.yaml": other}).text == one.text
    assert b'"properties":{"description":{}}' in one.text


@given(st.text())
@example("&a [*a]")
@example("a: &a [1]\n" + "\n".join(f"k{n}: &k{n} [*a, *a]" for n in range(3)))
@example("[" * 10_000)
@example('{"openapi": "3.1.0", "paths": {"/a": {"get": 1, "put": {"parameters": [1, {}]}}}}')
@example('{"openapi": "3.0.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}}')
def test_only_our_errors_come_out(text: str) -> None:
    """Whatever the text: a document, or one of our errors."""
    with contextlib.suppress(FairleadError):
        Fingerprints(load("a.yaml", lambda _: text.encode(errors="replace")))


WORDS = st.sampled_from(
    ["paths", "/a", "get", "responses", "200", "content", "application/json", "schema", "$ref",
     "#/components/schemas/A", "components", "schemas", "A", "parameters", "in", "name", "security",
     "type", "properties", "allOf", "enum", "required", "webhooks", "requestBody", "headers"]
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(WORDS, below, max_size=4)),
    max_leaves=20,
)


@given(JSON, JSON, JSON)
def test_any_shape_is_compared_or_refused(paths: object, old: object, new: object) -> None:
    """Documents whose parts are not of the form they must have bring out no other error."""

    def document(part: object) -> Fingerprints:
        operation = {"responses": {"200": part}, "requestBody": part, "parameters": [part]}
        where = {"/a": {"get": operation, "put": part}, "/b": paths}
        value = {"openapi": "3.1.0", "paths": where, "components": {"schemas": {"A": part}}}
        return written(value)

    with contextlib.suppress(FairleadError):
        broken(document(old), document(new))
