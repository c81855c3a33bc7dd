"""Whether a plain value is in the bounds of its schema: ranges, lengths, patterns, formats.

OpenAPI 3.0.4, 4.7.24 (https://spec.openapis.org/oas/v3.0.4.html#schema-object); quantities:
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.objects.model import Issue, Where

_QUANTITY = re.compile(
    r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?"
)
# RFC 3339, section 5.6.
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(?:[Zz]|[-+][0-9]{2}:[0-9]{2})"
)
_NEAR = 1e-9  # 0.3 is three times 0.1
_BITS = {"int32": 32, "int64": 64}
_SIZES = (
    ("Length", str, "characters"),
    ("Items", list, "items"),
    ("Properties", dict, "keys"),
)


def quantity(value: Any, at: Where) -> Iterator[Issue]:
    """Of memory, of processors: 500m, 1.5Gi, 1e3."""
    if isinstance(value, str) and not _QUANTITY.fullmatch(value):
        yield Issue("value", at, "it is no quantity", 'write one such as "500m", "128Mi" or "2"')


def formatted(schema: Mapping[str, Any], value: Any, at: Where) -> Iterator[Issue]:
    """The formats that Kubernetes checks of its own types, and of CustomResourceDefinitions."""
    form = schema.get("format")
    if form in _BITS and isinstance(value, int | float):
        most = 1 << (_BITS[form] - 1)
        if not -most <= value < most:
            yield Issue("value", at, f"it does not fit into {_BITS[form]} bits")
    elif form == "byte" and isinstance(value, str) and not _is_base64(value):
        yield Issue("value", at, "it is no base64", "`base64 -w0` makes it; stringData takes text")
    elif form == "date-time" and isinstance(value, str) and not _DATE_TIME.fullmatch(value):
        yield Issue("value", at, "it is no time", "write one such as 2026-03-01T00:00:00Z")


def _is_base64(text: str) -> bool:
    """RFC 4648, section 4; line ends in it are let pass, as Go's decoder does."""
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def enumerated(schema: Mapping[str, Any], value: Any, at: Where) -> Iterator[Issue]:
    """Whether it is one of the allowed values."""
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed and value not in allowed:
        shown = ", ".join(str(one)[:40] for one in allowed[:12])
        yield Issue("value", at, f"expected one of {shown}")


def bounds(schema: Mapping[str, Any], value: Any, at: Where) -> Iterator[Issue]:
    """Ranges, lengths, patterns and equal items."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range(schema, value, at)
    for size, kind, what in _SIZES:
        if isinstance(value, kind):
            yield from _size(schema, size, len(value), what, at)
    if isinstance(value, str) and isinstance(schema.get("pattern"), str):
        yield from _pattern(schema["pattern"], value, at)
    if isinstance(value, list) and schema.get("uniqueItems") is True:
        written = [repr(item) for item in value]
        if len({*written}) != len(written):
            yield Issue("value", at, "two of its items are the same")


def _range(schema: Mapping[str, Any], value: float, at: Where) -> Iterator[Issue]:
    least, most, step = (_number(schema.get(key)) for key in ("minimum", "maximum", "multipleOf"))
    if least is not None and _beyond(least, value, schema.get("exclusiveMinimum")):
        yield Issue("value", at, f"it is less than the least, {least}")
    if most is not None and _beyond(value, most, schema.get("exclusiveMaximum")):
        yield Issue("value", at, f"it is more than the most, {most}")
    if step and math.isfinite(value) and abs(value / step - round(value / step)) > _NEAR:
        yield Issue("value", at, f"it is no multiple of {step}")


def _beyond(one: float, other: float, exclusive: object) -> bool:
    return one > other or (one == other and exclusive is True)


def _size(
    schema: Mapping[str, Any], size: str, found: int, what: str, at: Where
) -> Iterator[Issue]:
    least, most = _number(schema.get(f"min{size}")), _number(schema.get(f"max{size}"))
    if least is not None and found < least:
        yield Issue("value", at, f"it has {found} {what}; {least} are the least")
    if most is not None and found > most:
        yield Issue("value", at, f"it has {found} {what}; {most} are the most")


def _pattern(pattern: str, value: str, at: Where) -> Iterator[Issue]:
    try:
        found = re.search(pattern, value)
    except (re.error, OverflowError):
        yield Issue("pattern", at, "its pattern is of a form that only Go reads: not looked at")
        return
    if found is None:
        yield Issue("value", at, f"it is not of the form {pattern[:120]}")


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
