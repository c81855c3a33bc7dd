"""Which differences between schemas break whom: a sender of requests, or a reader of answers."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec

from fairlead.api import type_change
from fairlead.api.comparison import Comparison, Found
from fairlead.api.levels import LEVELS
from fairlead.api.model import Break
from fairlead.api.schema import validation
from fairlead.api.schema_changes import EXTENSIBLE, Change
from fairlead.api.sentences import said
from fairlead.api.sunset import Sunset, is_lower, stability
from fairlead.checks.model import Level

# Of a property that only the server writes, a request's rules say nothing of these.
_NOT_READ_ONLY = frozenset(
    {"type", "enum-value-removed", "x-extensible-enum-value-removed", "property-removed",
     "property-added", "became-required"}
)  # fmt: skip
_BOUNDS_ALL_THE_SAME = frozenset({"min-length-increased", "min-length-decreased"})
_NOT_WRITE_ONLY = frozenset({"enum-value-added", "property-removed", "became-optional"})
# Changes that are about a field below the schema that has them.
_OF_A_FIELD = frozenset(
    {"property-removed", "property-added", "became-required", "became-optional"}
)
_LATER = "add the new form beside the old one, and keep the old one while clients use it"
_REFUSED = "accept what the old contract allowed"


class Use(msgspec.Struct, frozen=True):
    """Where a schema is used: ``subject`` names it ("GET /levels 200 body"), ``prefix`` begins
    the ids of its rules. ``strong``: values have types on the wire, as in JSON."""

    subject: str
    prefix: str
    strong: bool = True
    today: dt.date = dt.date.min
    optional: bool = True
    exploded: bool = False


def breaks(comparison: Comparison, old: Any, new: Any, use: Use) -> Iterator[Break]:
    """What a change of a schema breaks where it is used."""
    for found in comparison.found(old, new):
        for rule in _rules(found, use):
            level = LEVELS.get(rule)
            if level is not None:
                yield _break(comparison, found, use, rule, _eased(found.change, rule, level))


def _rules(found: Found, use: Use) -> Iterator[str]:
    if use.prefix == "request":
        yield _request(found, use)
    elif use.prefix == "response":
        yield _response(found, use)
    elif use.prefix == "request-parameter":
        yield from _parameter(found, use)
    elif not found.way:
        yield _header(found)


def _eased(change: Change, rule: str, level: Level) -> Level:
    """A request may go on sending a field that is gone where unknown fields are taken; and a
    client of an answer that could hold anything has met the values that are listed now."""
    if (
        rule == "request-property-removed"
        and change.new.raw.get("additionalProperties") is not False
    ):
        return Level.NOTE
    if change.kind == "enum-value-added" and change.old.values("enum") is None:
        return Level.WARNING
    return level


def _request(found: Found, use: Use) -> str:
    change, level = found.change, "property" if found.way else "body"
    kind = change.kind
    if _hidden(change, "readOnly", _NOT_READ_ONLY):
        return ""
    if kind == "type":
        breaking = type_change.request_breaks(change.old, change.new, strong=use.strong)
        return f"request-{level}-type-changed" if breaking else ""
    if kind == "list-of-types":
        return f"request-{level}-list-of-types-narrowed" if change.was else ""
    if kind == "property-added":
        return _newly(change, "new-required-request-property") if change.now else ""
    if kind == "became-required":
        return _newly(change, "request-property-became-required")
    if kind == "property-removed":
        return "request-property-removed"
    return _lifecycle(change, use, "request") if kind in _LIFE else f"request-{level}-{kind}"


def _newly(change: Change, rule: str) -> str:
    field = change.new.named("properties", change.detail)
    has_default = field is not None and field.raw.get("default") is not None
    return f"{rule}-with-default" if has_default else rule


def _hidden(change: Change, flag: str, kinds: frozenset[str]) -> bool:
    """Whether a change is about what this side never sees."""
    schema = change.new
    if change.kind in _OF_A_FIELD:
        holder = change.old if change.kind == "property-removed" else change.new
        schema = holder.named("properties", change.detail) or schema
    bound = change.key in change.new.bounds or change.key in change.old.bounds
    told = flag == "readOnly" and change.kind in _BOUNDS_ALL_THE_SAME
    return (change.kind in kinds or (bound and not told)) and schema.flag(flag)


def _response(found: Found, use: Use) -> str:
    change, level = found.change, "property" if found.way else "body"
    kind = change.kind
    if _hidden(change, "writeOnly", _NOT_WRITE_ONLY):
        return ""
    if kind == "type":
        return _answered_type(change, f"response-{level}", strong=use.strong)
    if kind == "list-of-types":
        return f"response-{level}-list-of-types-widened" if change.now else ""
    if kind == "property-removed":
        return f"response-{'required' if change.was else 'optional'}-property-removed"
    if kind == "enum-value-added":
        extensible = EXTENSIBLE in change.new.raw and EXTENSIBLE in change.old.raw
        return "" if extensible else f"response-{level}-enum-value-added"
    if kind == "became-optional":
        return "response-property-became-optional"
    if kind == "became-not-write-only":
        return "response-required-property-became-not-write-only" if found.needed else ""
    if kind == "wrapped-in-one-of" and found.way:
        return "response-property-one-of-added"
    return _lifecycle(change, use, "response") if kind in _LIFE else f"response-{level}-{kind}"


def _answered_type(change: Change, start: str, *, strong: bool) -> str:
    if not type_change.response_breaks(change.old, change.new, strong=strong):
        return ""
    wider = type_change.widened(change.old, change.new)
    return f"{start}-type-{'generalized' if wider else 'changed'}"


def _parameter(found: Found, use: Use) -> Iterator[str]:
    change, kind = found.change, found.change.kind
    level = "request-parameter-property" if found.way else "request-parameter"
    header = " header " in use.subject
    if kind == "type" and found.way:
        yield _loose_type(change)
    elif kind == "type":
        breaking = type_change.parameter_breaks(change.old, change.new, strong=False)
        yield f"{level}-type-changed" if breaking and not _repeats(change, use) else ""
    elif kind == "list-of-types":
        yield f"{level}-list-of-types-narrowed" if change.was else ""
    elif kind.startswith("default-value") and not use.optional:
        return
    elif kind == "became-required" and header:
        yield "request-header-property-became-required"
    elif kind == "property-added" and header and change.now:
        yield "new-required-request-header-property"
    elif kind == "max-items-decreased" and found.way == "[]":
        yield "request-parameter-max-items-decreased"
    else:
        yield f"{level}-{kind}"
        if kind == "became-enum" and header:
            yield "request-header-property-became-enum"


def _loose_type(change: Change) -> str:
    strong = type_change.parameter_breaks(change.old, change.new, strong=True)
    loose = type_change.parameter_breaks(change.old, change.new, strong=False)
    if strong != loose:
        return "request-parameter-property-type-changed"
    return "request-parameter-property-type-specialized" if strong else ""


def _repeats(change: Change, use: Use) -> bool:
    """Whether `a=1` became `a=1&a=2`: one value still fits (OpenAPI 3.1.1, 4.8.12.3)."""
    items = change.new.under("items")
    if not use.exploded or change.new.types != ("array",) or not change.old.types or items is None:
        return False
    if change.new.bounds.get("minItems", 0) > 1:
        return False
    same = _without_type(change.old.raw) == _without_type(items.raw)
    return same and not type_change.parameter_breaks(change.old, items, strong=False)


def _without_type(raw: dict[str, Any]) -> Any:
    return validation({k: v for k, v in raw.items() if k not in ("type", "nullable")})


def _header(found: Found) -> str:
    change = found.change
    if change.kind == "type":
        return _answered_type(change, "response-header", strong=False)
    return f"response-header-{change.kind}"


_LIFE = ("deprecated", "stability")


def _lifecycle(change: Change, use: Use, side: str) -> str:
    if change.kind == "stability":
        if "?" in (stability(change.old.raw), stability(change.new.raw)):
            return "api-invalid-stability-level"
        return f"{side}-property-stability-decreased" if is_lower(change.was, change.now) else ""
    sunset = Sunset.of(change.new.raw)
    if sunset.broken:
        return f"{side}-property-deprecated-sunset-invalid"
    past = sunset.day is not None and sunset.day < use.today
    return f"{side}-property-sunset-date-too-small" if past else ""


def _break(comparison: Comparison, found: Found, use: Use, rule: str, level: Level) -> Break:
    change = found.change
    field = f".{change.detail}" if change.kind in _OF_A_FIELD else ""
    subject = f"{use.subject}{found.way}{field}"
    named = f' "{change.detail}"' if change.detail and not field else ""
    return Break(
        rule,
        level,
        f"{subject}{named}",
        f"{subject} {said(change)}",
        _place(comparison, change),
        _REFUSED if rule.startswith(("request", "new")) else _LATER,
    )


def _place(comparison: Comparison, change: Change) -> Any:
    if change.kind in ("property-added", "became-required", "became-optional"):
        fields = change.new.raws("properties")
        if change.detail in fields:
            return comparison.new.place(fields, change.detail)
    return comparison.new.place(change.new.origin, change.key)
