"""Whether a value has the shape that a schema asks for: every mistake, not the first.

The schemas are Kubernetes' own, made small by ``tools/kubernetes_schemas.py`` (``ref`` names a
definition, ``keys`` are those by which the items of a list are told apart), and the structural
ones of CustomResourceDefinitions, which are OpenAPI 3.0 with a few keys more
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
As the server does with ``fieldValidation=Strict``, a key that the schema does not have is a mistake.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from fairlead.objects.model import Issue, Where
from fairlead.objects.values import bounds, enumerated, formatted, quantity

Schema = Mapping[str, Any]
Definitions = Mapping[str, Schema]

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EMBEDDED: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
                     "metadata": {"ref": META}}  # fmt: skip
_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", dict: "a mapping",
          list: "a list"}  # fmt: skip
_WANTED = {"boolean": "true or false", "integer": "a whole number", "number": "a number",
           "string": "text", "object": "a mapping", "array": "a list"}  # fmt: skip


def issues(
    schema: Schema, value: Any, defined: Definitions, at: Where = (), *, strict: bool = True
) -> Iterator[Issue]:
    """What is wrong with a value, in its order. ``null`` is nowhere wrong but where one is required:
    the server reads it as "left out"."""
    name = schema.get("ref")
    if isinstance(name, str) and name in defined:  # somebody else wrote a custom kind's schema
        schema = defined[name]
    if value is None:
        return
    wanted = _types(schema)
    if wanted and not any(_is(kind, value) for kind in wanted):
        yield _mistyped(wanted, value, at)
        return
    yield from quantity(value, at) if name == QUANTITY else formatted(schema, value, at)
    yield from enumerated(schema, value, at)
    yield from bounds(schema, value, at)
    if isinstance(value, dict):
        yield from _mapping(schema, value, defined, at, strict)
    elif isinstance(value, list):
        yield from _list(schema, value, defined, at, strict)
    yield from _joined(schema, value, defined, at)


def _types(schema: Schema) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string") is True:
        return ("integer", "string")
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return tuple(one for one in kinds if isinstance(one, str) and one in _WANTED)


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float):
        return kind == "number" or (kind == "integer" and value.is_integer())
    return {int: ("integer", "number"), str: ("string",), dict: ("object",),
            list: ("array",)}[type(value)].__contains__(kind)  # fmt: skip


def _mistyped(wanted: tuple[str, ...], value: Any, at: Where) -> Issue:
    expected = " or ".join(_WANTED[kind] for kind in wanted)
    # Never the value: it may be the password of a Secret.
    what = f"expected {expected}, found {_KINDS[type(value)]}"
    hint = ""
    if isinstance(value, str) and {"integer", "number", "boolean"} & {*wanted}:
        hint = "take the quotes away"
    elif "string" in wanted and not isinstance(value, dict | list):
        hint = "put it into quotes"
    return Issue("type", at, what, hint)


def _mapping(
    schema: Schema, value: dict[str, Any], defined: Definitions, at: Where, strict: bool
) -> Iterator[Issue]:
    known = _properties(schema)
    others = schema.get("additionalProperties")
    for key in _names(schema.get("required")):
        if value.get(key) is None:
            yield Issue("required", at, f"{key} is missing")
    for key, below in value.items():
        if key in known:
            yield from issues(known[key], below, defined, (*at, key), strict=strict)
        elif isinstance(others, dict):
            yield from issues(others, below, defined, (*at, key), strict=strict)
        elif strict and not _open(schema, known):
            yield _unknown_key(key, known, (*at, key))


def _properties(schema: Schema) -> Mapping[str, Schema]:
    found = schema.get("properties")
    known = found if isinstance(found, dict) else {}
    return {**_EMBEDDED, **known} if schema.get("x-kubernetes-embedded-resource") is True else known


def _open(schema: Schema, known: Mapping[str, Schema]) -> bool:
    """Whether it takes keys that it does not name. An object that names none takes any."""
    return (
        schema.get("x-kubernetes-preserve-unknown-fields") is True
        or schema.get("additionalProperties") is True
        or (not known and "additionalProperties" not in schema)
    )


def _unknown_key(key: str, known: Mapping[str, Schema], at: Where) -> Issue:
    lower = {name.lower(): name for name in known}
    near = get_close_matches(key.lower()[:80], lower, n=1, cutoff=0.7)
    hint = f"did you mean {lower[near[0]]}?" if near else ""
    if not hint and 0 < len(known) <= 12:
        hint = f"known here: {', '.join(sorted(known))}"
    return Issue("key", at, f"no such key: {key[:80]!r}", hint)


def _list(
    schema: Schema, value: list[Any], defined: Definitions, at: Where, strict: bool
) -> Iterator[Issue]:
    items = schema.get("items")
    for number, item in enumerate(value):
        if isinstance(items, dict):
            yield from issues(items, item, defined, (*at, number), strict=strict)
    keys = _names(schema.get("keys") or schema.get("x-kubernetes-list-map-keys"))
    seen: set[str] = set()
    for number, item in enumerate(value) if keys else ():
        if isinstance(item, dict) and keys[0] in item:
            named = "/".join(str(item.get(key, "")) for key in keys)
            if named in seen:
                what = f"two items of this list have the {' and '.join(keys)} {named[:80]}"
                yield Issue("same-item", (*at, number), what)
            seen.add(named)


def _joined(schema: Schema, value: Any, defined: Definitions, at: Where) -> Iterator[Issue]:
    """allOf, anyOf, oneOf and not: they bound values, and say nothing of other keys."""

    def fits(one: Schema) -> bool:
        return next(issues(one, value, defined, at, strict=False), None) is None

    for one in _schemas(schema.get("allOf")):
        yield from issues(one, value, defined, at, strict=False)
    several = _schemas(schema.get("anyOf"))
    if several and not any(fits(one) for one in several):
        yield Issue("value", at, "it fits none of the forms that its schema allows (anyOf)")
    alone = _schemas(schema.get("oneOf"))
    if alone and (count := sum(fits(one) for one in alone)) != 1:
        yield Issue("value", at, f"it fits {count} forms of its schema; exactly one must (oneOf)")
    never = schema.get("not")
    if isinstance(never, dict) and fits(never):
        yield Issue("value", at, "it has the form that its schema forbids (not)")


def _names(value: Any) -> tuple[str, ...]:
    """A list of names; what is none is left out: somebody else wrote the schema."""
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _schemas(value: Any) -> tuple[Schema, ...]:
    return tuple(one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()
