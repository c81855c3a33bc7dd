"""One form for the schemas of OpenAPI 3.0 and 3.1, so that they can be compared.

``nullable: true`` (3.0) and ``type: [string, "null"]`` (3.1) are the same here, and so are
``exclusiveMinimum: true`` beside a minimum and the bound itself. `true` and `false`, which 3.1
allows as schemas, are ``{}`` and ``{"not": {}}``.
"""

from collections.abc import Sequence
from typing import Any

from fairlead.api.document import Document

_NOTHING: dict[str, Any] = {"not": {}}
_ANYTHING: dict[str, Any] = {}
# Keywords that say nothing about which values are valid (JSON Schema 2020-12, validation, 9).
ANNOTATIONS = frozenset(
    {"title", "description", "example", "examples", "default", "externalDocs", "deprecated",
     "readOnly", "writeOnly", "xml", "$comment", "$id", "$schema", "$anchor", "$defs",
     "discriminator"}
)  # fmt: skip
BOUNDS = {
    "maximum": "max",
    "minimum": "min",
    "exclusiveMaximum": "exclusive-max",
    "exclusiveMinimum": "exclusive-min",
    "maxLength": "max-length",
    "minLength": "min-length",
    "maxItems": "max-items",
    "minItems": "min-items",
    "maxContains": "max-contains",
    "minContains": "min-contains",
}
"""Bounds, and how oasdiff names them in its rules."""
_FROM_ZERO = ("minLength", "minItems")


class Schema:
    """One schema. ``raw`` is its object, ``ref`` what it was reached by ("" where it is inline).

    ``origin`` is the object in the document: another one where a wrapper was taken off.
    """

    __slots__ = ("bounds", "document", "null_by_type", "nullable", "origin", "raw", "ref", "types")

    def __init__(self, document: Document, raw: dict[str, Any], ref: str) -> None:
        self.document = document
        self.raw = raw
        self.origin = raw
        self.ref = ref
        named = raw.get("type")
        types = [named] if isinstance(named, str) else _texts(named)
        self.null_by_type = "null" in types
        self.nullable = self.null_by_type or raw.get("nullable") is True
        self.types = tuple(dict.fromkeys(kind for kind in types if kind != "null"))
        self.bounds = _bounds(raw)

    def text(self, key: str) -> str:
        """A keyword's text, "" without one."""
        value = self.raw.get(key)
        return value if isinstance(value, str) else ""

    def flag(self, key: str) -> bool:
        """Whether a keyword is true."""
        return self.raw.get(key) is True

    def names(self, key: str) -> list[str]:
        """A keyword's list of texts."""
        return _texts(self.raw.get(key))

    def raws(self, key: str) -> dict[str, Any]:
        """A keyword's object, which people point at as a whole, too."""
        value = self.raw.get(key)
        if isinstance(value, dict) and "$ref" in value:
            return self.document.whole(value)
        return value if isinstance(value, dict) else {}

    def values(self, key: str) -> list[Any] | None:
        """A keyword's list, None without one."""
        value = self.raw.get(key)
        return value if isinstance(value, list) else None

    def under(self, key: str) -> "Schema | None":
        """The schema that a keyword holds."""
        return schema(self.document, self.raw[key]) if key in self.raw else None

    def named(self, key: str, name: str) -> "Schema | None":
        """The schema that a keyword holds under a name."""
        return schema(self.document, self.raws(key).get(name))

    def list(self, key: str) -> "Sequence[Schema]":
        """The schemas in a keyword's list."""
        found = (schema(self.document, item) for item in self.values(key) or ())
        return [item for item in found if item is not None]

    @property
    def only_null(self) -> bool:
        """Whether it accepts null and nothing else."""
        return self.null_by_type and not self.types and self.bare("type")

    def bare(self, *besides: str) -> bool:
        """Whether it says nothing about which values are valid, ``besides`` apart."""
        return not any(
            key not in ANNOTATIONS and key not in besides and not key.startswith("x-")
            for key in self.raw
        )


def schema(document: Document, value: Any) -> Schema | None:
    """The schema that stands at a place, or is pointed at from there. Raises Broken, Unknown."""
    if isinstance(value, bool):
        return Schema(document, _ANYTHING if value else _NOTHING, "")
    if not isinstance(value, dict):
        return None
    ref = value.get("$ref")
    whole = document.whole(value)
    return Schema(document, whole, ref if isinstance(ref, str) else "")


def validation(value: Any, *, names: bool = False) -> Any:
    """A schema's text without its annotations: equal texts accept the same values."""
    if isinstance(value, dict):
        return {
            key: validation(item, names=key in ("properties", "patternProperties") and not names)
            for key, item in value.items()
            if names or not (key in ANNOTATIONS or key.startswith("x-"))
        }
    if isinstance(value, list):
        return [validation(item) for item in value]
    return value


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _bounds(raw: dict[str, Any]) -> dict[str, float]:
    found = {key: raw[key] for key in BOUNDS if key in raw and _is_number(raw[key])}
    for exclusive, plain in (("exclusiveMaximum", "maximum"), ("exclusiveMinimum", "minimum")):
        if raw.get(exclusive) is True and plain in found:
            found[exclusive] = found.pop(plain)
    for key in _FROM_ZERO:
        if found.get(key) == 0:
            del found[key]
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
