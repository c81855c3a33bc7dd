"""Kinds that CustomResourceDefinitions among the same files define.

https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from fairlead.objects.model import Thing
from fairlead.objects.schemas import Kind
from fairlead.objects.shape import META, Schema

_GROUP = "apiextensions.k8s.io"
_EVERY: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
                  "metadata": {"ref": META}}  # fmt: skip


class Custom(msgspec.Struct, frozen=True):
    """A kind of somebody's own. ``rules`` counts its rules in CEL, which nobody evaluates here."""

    schema: Schema
    served: bool
    rules: int


def custom_kinds(things: Iterable[Thing]) -> dict[Kind, Custom]:
    """Each kind that they define, by its versions."""
    return {
        kind: custom
        for thing in things
        if thing.kind == "CustomResourceDefinition" and thing.group == _GROUP
        for kind, custom in _versions(_mapping(thing.data.get("spec")))
    }


def _versions(spec: dict[str, Any]) -> Iterable[tuple[Kind, Custom]]:
    kind = _mapping(spec.get("names")).get("kind")
    versions = spec.get("versions")
    for version in versions if isinstance(versions, list) else ():
        one = _mapping(version)
        schema = _mapping(_mapping(one.get("schema")).get("openAPIV3Schema"))
        yield (
            (str(spec.get("group", "")), str(one.get("name", "")), str(kind)),
            Custom(_whole(schema), one.get("served") is not False, _cel(schema)),
        )


def _whole(schema: dict[str, Any]) -> Schema:
    """With what the server adds to every kind: apiVersion, kind, metadata."""
    if not schema:  # anything is taken
        return {"type": "object"}
    return {**schema, "properties": {**_mapping(schema.get("properties")), **_EVERY}}


def _cel(schema: Any) -> int:
    waiting, found = [schema], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            rules = one.get("x-kubernetes-validations")
            found += len(rules) if isinstance(rules, list) else 0
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
