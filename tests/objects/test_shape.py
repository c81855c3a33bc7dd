"""Our reading of the schemas, judged by jsonschema on objects that chance has bent."""

import copy
from importlib import resources

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from fairlead.objects.schemas import schemas
from fairlead.objects.shape import issues

LINES = resources.files("fairlead.objects").joinpath("kubernetes.jsonl").read_bytes()
KUBERNETES = schemas(LINES, "1.31")
KINDS = [("apps", "v1", "Deployment"), ("", "v1", "Service"), ("networking.k8s.io", "v1", "Ingress"),
         ("batch", "v1", "CronJob")]  # fmt: skip
JUNK = st.sampled_from(
    [None, True, 1, 1.5, 1.0, -7, "", "x", [], {}, ["x"], {"x": 1}, [None], [{}]]
).map(copy.deepcopy)  # what is bent may be bent again
NO_NULL = JUNK.filter(lambda one: one is not None)
ADDED = ["name", "spec", "nme", "x"]
LABELS = {"app": "web"}
POD = {
    "metadata": {"labels": LABELS},
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "x",
                "env": [{"name": "A", "value": "b"}],
                "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
                "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
            }
        ],
        "volumes": [{"name": "a", "emptyDir": {}}],
    },
}
OBJECTS = [
    {"spec": {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": POD}},
    {"spec": {"ports": [{"port": 80, "targetPort": "http"}], "selector": LABELS}},
    {"spec": {"rules": [{"host": "a.example", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "a"}}}]}}]}},
    {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": POD}}}},
]  # fmt: skip


def for_jsonschema(schema):
    """A schema of ours as JSON Schema: no other key, and null wherever nothing is asked for."""
    if "ref" in schema:
        return {"anyOf": [{"$ref": f"urn:k8s#/$defs/{schema['ref']}"}, {"type": "null"}]}
    found = {key: schema[key] for key in ("required", "enum") if key in schema}
    kind = schema.get("type")
    if kind:
        found["type"] = [*(kind if isinstance(kind, list) else [kind]), "null"]
    if "enum" in found:
        found["enum"] = [*found["enum"], None]
    if "properties" in schema:
        found["properties"] = {k: for_jsonschema(v) for k, v in schema["properties"].items()}
        found["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            found[key] = for_jsonschema(schema[key])
    return found


DEFINED = {name: for_jsonschema(schema) for name, schema in KUBERNETES.defined.items()}
REGISTRY = Registry().with_resource(
    "urn:k8s", Resource.from_contents({"$defs": DEFINED}, default_specification=DRAFT202012)
)


def without_null(value):
    """As the server reads it: a key whose value is null is left out."""
    if isinstance(value, dict):
        return {key: without_null(below) for key, below in value.items() if below is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


def places(value, at=()):
    yield at
    below = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    for key, one in below:
        yield from places(one, (*at, key))


@given(st.data())
def test_what_jsonschema_calls_valid_is_valid_and_the_rest_is_not(data: st.DataObject) -> None:
    """Types, missing and unknown keys, wherever chance puts them."""
    number = data.draw(st.integers(0, len(KINDS) - 1))
    group, version, kind = KINDS[number]
    value = copy.deepcopy(OBJECTS[number])
    value |= {
        "apiVersion": f"{group}/{version}".lstrip("/"),
        "kind": kind,
        "metadata": {"name": "a"},
    }
    for _ in range(data.draw(st.integers(0, 3))):
        bend(data, value)
    name = KUBERNETES.kinds[group, version, kind]
    judge = jsonschema.Draft202012Validator({"$ref": f"urn:k8s#/$defs/{name}"}, registry=REGISTRY)
    ours = [one for one in issues({"ref": name}, value, KUBERNETES.defined)
            if one.rule in ("type", "key", "required")
            or (one.rule == "value" and one.at in (("apiVersion",), ("kind",)))]  # fmt: skip
    theirs = [error.message for error in judge.iter_errors(without_null(value))]
    assert bool(ours) == bool(theirs), (ours, theirs)


def bend(data, value):
    """Change one place of it, add a key, or take one away.

    A key that is not known is a mistake with null, too: ``without_null`` would hide it.
    """
    at = data.draw(st.sampled_from([place for place in places(value) if place]))
    for key in at[:-1]:
        value = value[key]
    what = data.draw(st.sampled_from(["put", "add", "drop"]))
    if what == "put":
        value[at[-1]] = data.draw(NO_NULL if at[-1] in ADDED else JUNK)
    elif what == "drop" and isinstance(value, dict):
        del value[at[-1]]
    elif isinstance(value, dict):
        value[data.draw(st.sampled_from(ADDED))] = data.draw(NO_NULL)


@pytest.mark.parametrize(
    ("schema", "value", "number"),
    [
        ({"type": "integer"}, 2.0, 0),
        ({"type": "integer"}, True, 1),
        ({"type": "integer", "format": "int32"}, 2**31, 1),
        ({"type": "integer", "format": "int64"}, 2**31, 0),
        ({"type": "string", "format": "date-time"}, "2026-03-01T00:00:00Z", 0),
        ({"type": "string", "format": "date-time"}, "yesterday", 1),
        ({"type": "number", "multipleOf": 0.1}, 0.3, 0),
        ({"type": "number", "multipleOf": 0.1}, float("inf"), 0),
        ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, 1, 1),
        ({"type": "array", "uniqueItems": True}, [1, 1], 1),
        ({"not": {"type": "string"}}, "x", 1),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 1.5, 1),
        ({"allOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"c": 1}, 2),
        ({"type": "string", "pattern": "("}, "x", 1),
        ({"ref": "nobody", "type": "string"}, 1, 1),
        ({"ref": ["x"], "type": ["no", "such"], "enum": 5, "required": 5, "items": 5}, {}, 0),
        ({"x-kubernetes-embedded-resource": True, "type": "object"}, {"kind": "x", "y": 1}, 1),
    ],
)
def test_a_value_is_held_to_its_bounds(schema, value, number: int) -> None:
    """Also by a schema that somebody wrote to do harm."""
    assert len(list(issues(schema, value, KUBERNETES.defined))) == number
