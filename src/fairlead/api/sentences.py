"""What a change is, in words. Each is said after the place it is about: "GET /levels 200 body.at"."""

from fairlead.api.schema_changes import Change

_KINDS = {
    "type": "is {now} now, was {was}",
    "list-of-types": "takes other types now: without {was}, with {now}",
    "wrapped-in-one-of": "became a choice of several forms (oneOf)",
    "became-nullable": "can be null now",
    "became-not-nullable": "must not be null any more",
    "became-enum": "takes listed values only now",
    "enum-value-removed": "no longer takes the value {detail}",
    "enum-value-added": "can have a new value, {detail}",
    "x-extensible-enum-value-removed": "no longer lists the value {detail}",
    "const-added": "must be {now} now",
    "const-removed": "is no longer always {was}",
    "const-changed": "is {now} now, was {was}",
    "default-value-added": "counts as {now} now where it is left out",
    "default-value-removed": "no longer counts as {was} where it is left out",
    "default-value-changed": "counts as {now} now where it is left out, was {was}",
    "pattern-added": "must match a pattern now: {now}",
    "pattern-changed": "must match another pattern now: {now}, was {was}",
    "property-removed": "is gone",
    "property-added": "is new, and must be sent",
    "became-required": "must be sent now",
    "became-optional": "may be missing now",
    "discriminator-added": "is told apart by a field now: {detail}",
    "discriminator-mapping-added": "can have a new form: {detail}",
    "discriminator-property-name-changed": "is told apart by {now} now, was {was}",
    "became-not-write-only": "is in the answer now",
    "deprecated": "is deprecated with a sunset that is {now}",
    "stability": "is {now} now, was {was}",
}
_PARTS = {
    "all-of": "part of the schema (allOf)",
    "any-of": "choice (anyOf)",
    "one-of": "choice (oneOf)",
    "prefix-items": "first item (prefixItems)",
    "pattern-property": "rule for the fields that match",
    "dependent-schema": "rule that depends on the field",
    "dependent-required": "list of fields that must come with",
    "content-schema": "schema of its content",
    "content-media-type": "media type of its content",
    "content-encoding": "encoding of its content",
    "contains": "rule for what an array must contain",
    "property-names": "rule for the names of fields",
    "unevaluated-items": "rule for further items",
    "unevaluated-properties": "rule for further fields",
    "if": "condition (if)",
    "then": "condition (then)",
    "else": "condition (else)",
}
_ENDS = {"added": "has a new {}", "removed": "no longer has its {}", "changed": "has another {}"}


def said(change: Change) -> str:
    """The change, in words."""
    known = _KINDS.get(change.kind)
    if known is not None:
        return known.format(was=_value(change.was), now=_value(change.now), detail=change.detail)
    name, _, end = change.kind.rpartition("-")
    if name in _PARTS:
        return " ".join(filter(None, (_ENDS[end].format(_PARTS[name]), change.detail)))
    return _bound(change)


def _bound(change: Change) -> str:
    if change.was is None:
        return f"has {change.key} now: {_value(change.now)}"
    if change.now is None:
        return f"no longer has {change.key}, was {_value(change.was)}"
    return f"has {change.key} {_value(change.now)} now, was {_value(change.was)}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value)) or "none"
    return "not given" if value is None else str(value)
