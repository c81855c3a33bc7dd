"""What differs between two schemas, themselves and not what is under them.

Without a direction: whether a change breaks anybody depends on who sends the value. The kinds are
the second halves of oasdiff's rule ids (`max-length-decreased`), found as oasdiff 1.28 finds them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from fairlead.api.members import label, members
from fairlead.api.schema import BOUNDS, Schema, validation

EXTENSIBLE = "x-extensible-enum"
# Keywords of which only the coming and going of the schema under them is a change of their own.
_SUBSCHEMAS = {
    "contains": "contains",
    "propertyNames": "property-names",
    "unevaluatedItems": "unevaluated-items",
    "unevaluatedProperties": "unevaluated-properties",
    "contentSchema": "content-schema",
    "if": "if",
    "then": "then",
    "else": "else",
}
_MAPPED = {"patternProperties": "pattern-property", "dependentSchemas": "dependent-schema"}
_LISTED = {"allOf": "all-of", "anyOf": "any-of", "oneOf": "one-of", "prefixItems": "prefix-items"}
_TEXTS = {"contentMediaType": "content-media-type", "contentEncoding": "content-encoding"}


_COMPOSING = frozenset({"allOf", "anyOf", "oneOf"})


class Change(NamedTuple):
    """One difference. ``detail`` names what came, went or changed; ``old`` and ``new`` are the
    schemas it is between, of a property that came or went only one. ``key`` is the keyword."""

    kind: str
    detail: str
    old: Schema
    new: Schema
    key: str = ""
    was: Any = None
    now: Any = None


def effective(old: Schema, new: Schema) -> tuple[Schema, Schema]:
    """The two as they are compared: a wrapper that only the one of them has is taken off.

    ``oneOf: [X, null]`` is X, nullable. ``allOf: [X]`` with nothing beside it is X; so is a
    wrapper on both sides left as it is.
    """
    if not (_COMPOSING & old.raw.keys() or _COMPOSING & new.raw.keys()):
        return old, new
    for _ in range(8):
        plain = not (_composed(old) and _composed(new))
        outer = (_unwrapped(old) if plain else None), (_unwrapped(new) if plain else None)
        if outer == (None, None):
            break
        old, new = outer[0] or old, outer[1] or new
    return old, new


def _composed(one: Schema) -> bool:
    return any(one.values(key) for key in _COMPOSING)


def _unwrapped(wrapper: Schema) -> Schema | None:
    for key in ("allOf", "oneOf", "anyOf"):
        parts = wrapper.list(key)
        if not 1 <= len(parts) <= 2 or not wrapper.bare(key, "nullable"):
            continue
        real = [part for part in parts if not part.only_null]
        if len(real) != 1 or (key == "allOf" and len(parts) > 1):
            continue
        beside = {name: value for name, value in wrapper.raw.items() if name != key}
        inner = Schema(real[0].document, {**real[0].raw, **beside}, real[0].ref)
        inner.origin = wrapper.origin
        inner.nullable = real[0].nullable or len(parts) == 2 or wrapper.nullable
        inner.null_by_type = real[0].null_by_type
        return inner
    return None


def changes(old: Schema, new: Schema) -> Iterator[Change]:
    """Each difference between two schemas that are ``effective``."""
    types = list(_types(old, new))
    yield from types
    yield from _nullable(old, new)
    if old.raw == new.raw:
        return
    yield from _values(old, new)
    yield from _bounds(old, new)
    yield from _properties(old, new)
    claimed = any(change.kind in ("list-of-types", "wrapped-in-one-of") for change in types)
    yield from _structure(old, new, claimed=claimed)
    yield from _lifecycle(old, new)


def _types(old: Schema, new: Schema) -> Iterator[Change]:
    if not (old.types and new.types):
        other = _form(old, new)
        if other is not None:
            yield other
            return
    if set(old.types) != set(new.types) or old.text("format") != new.text("format"):
        key = "type" if set(old.types) != set(new.types) else "format"
        yield Change("type", "", old, new, key, _type(old), _type(new))


def _form(old: Schema, new: Schema) -> Change | None:
    """The one change that explains what else differs: a choice of forms, or of scalar types."""
    if _wraps(old, new):
        return Change("wrapped-in-one-of", "", old, new, "oneOf")
    listed, relisted = _type_list(old), _type_list(new)
    gone = [kind for kind in listed if kind not in relisted]
    come = [kind for kind in relisted if kind not in listed]
    if listed and relisted and (gone or come):
        return Change("list-of-types", "", old, new, "oneOf", gone, come)
    return None


def _type(one: Schema) -> str:
    named = " or ".join(one.types) or "any type"
    return f"{named} ({one.text('format')})" if one.text("format") else named


def _wraps(old: Schema, new: Schema) -> bool:
    """Whether an object became a oneOf of objects that its properties moved into."""
    if old.values("oneOf") or not old.raws("properties"):
        return False
    if new.raws("properties") or new.types or not new.values("oneOf"):
        return False
    return bool(moved(old, new))


def moved(old: Schema, new: Schema) -> set[str]:
    """The properties that are in one of the new schema's alternatives."""
    inside = {name for part in new.list("oneOf") for name in part.raws("properties")}
    return inside & old.raws("properties").keys()


def _type_list(one: Schema) -> list[str]:
    """The types of a schema that is only a choice of scalar types, or has just one."""
    if "not" in one.raw or one.values("allOf") or one.raws("properties"):
        return []
    if one.types:
        return list(one.types[:1])
    for key in ("oneOf", "anyOf"):
        parts = one.list(key)
        if parts and all(_simple(part) for part in parts):
            return [part.types[0] if part.types else "null" for part in parts]
    return []


def _simple(part: Schema) -> bool:
    one_type = len(part.types) + part.null_by_type == 1
    return one_type and not part.raws("properties") and not _composed(part)


def _nullable(old: Schema, new: Schema) -> Iterator[Change]:
    if new.nullable and not old.nullable and (old.types or not new.null_by_type):
        yield Change("became-nullable", "", old, new, "type")
    if old.nullable and not new.nullable and (new.types or not old.null_by_type):
        yield Change("became-not-nullable", "", old, new, "type")


def _values(old: Schema, new: Schema) -> Iterator[Change]:
    was, now = old.values("enum"), new.values("enum")
    if was is None and now is not None:
        yield Change("became-enum", "", old, new, "enum")
    for value in _without(was or [], now or []):
        yield Change("enum-value-removed", _said(value), old, new, "enum")
    for value in _without(now or [], was or []):
        yield Change("enum-value-added", _said(value), old, new, "enum")
    listed, relisted = old.values(EXTENSIBLE), new.values(EXTENSIBLE)
    if listed is not None and relisted is not None:
        for value in _without(listed, relisted):
            yield Change("x-extensible-enum-value-removed", _said(value), old, new, EXTENSIBLE)
    yield from _const(old, new)
    yield from _default(old, new)


def _without(these: list[Any], those: list[Any]) -> list[Any]:
    known = {_said(value) for value in those}
    return list({_said(value): value for value in these if _said(value) not in known}.values())


def _said(value: Any) -> str:
    if isinstance(value, str) and value:
        return value[:80]
    return msgspec.json.encode(value).decode()[:80]


def _const(old: Schema, new: Schema) -> Iterator[Change]:
    was, now = old.raw.get("const"), new.raw.get("const")
    if was == now:
        return
    kind = "added" if "const" not in old.raw else "removed" if "const" not in new.raw else "changed"
    yield Change(f"const-{kind}", "", old, new, "const", _said(was), _said(now))


def _default(old: Schema, new: Schema) -> Iterator[Change]:
    was, now = old.raw.get("default"), new.raw.get("default")
    if was == now and type(was) is type(now):
        return
    kind = "added" if was is None else "removed" if now is None else "changed"
    yield Change(f"default-value-{kind}", "", old, new, "default", _said(was), _said(now))


def _bounds(old: Schema, new: Schema) -> Iterator[Change]:
    for key, name in BOUNDS.items():
        was, now = old.bounds.get(key), new.bounds.get(key)
        if was == now:
            continue
        zero = key in ("minLength", "minItems")
        before, after = (was or 0 if zero else was), (now or 0 if zero else now)
        if before is None:
            kind = "set"
        elif after is None:
            kind = "unset"
        else:
            kind = "increased" if after > before else "decreased"
        yield Change(f"{name}-{kind}", "", old, new, key, before, after)
    was_text, now_text = old.text("pattern"), new.text("pattern")
    if was_text != now_text and now_text != ".*":
        kind = "changed" if was_text and now_text else "added" if now_text else "removed"
        yield Change(f"pattern-{kind}", "", old, new, "pattern", was_text, now_text)


def _properties(old: Schema, new: Schema) -> Iterator[Change]:
    was, now = old.raws("properties"), new.raws("properties")
    needed, needs = set(old.names("required")), set(new.names("required"))
    gone = moved(old, new) if new.values("oneOf") and not now else set[str]()
    for name in was:
        if name not in now and name not in gone:
            yield Change("property-removed", name, old, new, "properties", name in needed)
    for name in now:
        if name not in was:
            yield Change("property-added", name, old, new, "properties", None, name in needs)
        elif name in was and (name in needed) != (name in needs):
            kind = "became-required" if name in needs else "became-optional"
            yield Change(kind, name, old, new, "required")
    yield from _dependent(old, new)


def _dependent(old: Schema, new: Schema) -> Iterator[Change]:
    was, now = old.raws("dependentRequired"), new.raws("dependentRequired")
    for name in {**was, **now}:
        if was.get(name) == now.get(name):
            continue
        kind = "changed" if name in was and name in now else "added" if name in now else "removed"
        yield Change(f"dependent-required-{kind}", name, old, new, "dependentRequired")


def _structure(old: Schema, new: Schema, *, claimed: bool) -> Iterator[Change]:
    for key, name in _LISTED.items():
        if (key in old.raw or key in new.raw) and not (claimed and key in ("oneOf", "anyOf")):
            yield from _listed(old, new, key, name)
    yield from _parts(old, new)
    for key, name in _TEXTS.items():
        if old.text(key) != new.text(key):
            yield Change(f"{name}-changed", "", old, new, key, old.text(key), new.text(key))
    yield from _discriminator(old, new)


def _parts(old: Schema, new: Schema) -> Iterator[Change]:
    for key, name in _SUBSCHEMAS.items():
        was, now = old.raw.get(key), new.raw.get(key)
        if isinstance(now, dict) and not isinstance(was, dict):
            yield Change(f"{name}-added", "", old, new, key)
        if isinstance(was, dict) and not isinstance(now, dict):
            yield Change(f"{name}-removed", "", old, new, key)
    for key, name in _MAPPED.items():
        for pattern in new.raws(key).keys() - old.raws(key).keys():
            yield Change(f"{name}-added", pattern, old, new, key)
        for pattern in old.raws(key).keys() - new.raws(key).keys():
            yield Change(f"{name}-removed", pattern, old, new, key)


def _listed(old: Schema, new: Schema, key: str, name: str) -> Iterator[Change]:
    _, gone, come = members(old.list(key), new.list(key))
    for member in gone:
        if key != "allOf" or validation(member[1].raw):
            yield Change(f"{name}-removed", label(member), old, new, key)
    for member in come:
        if key != "allOf" or validation(member[1].raw):
            yield Change(f"{name}-added", label(member), old, new, key)


def _discriminator(old: Schema, new: Schema) -> Iterator[Change]:
    was, now = old.raws("discriminator"), new.raws("discriminator")
    if was == now:
        return
    if not was:
        yield Change("discriminator-added", str(now.get("propertyName", "")), old, new)
    elif now and was.get("propertyName") != now.get("propertyName"):
        yield Change(
            "discriminator-property-name-changed",
            "",
            old,
            new,
            "discriminator",
            was.get("propertyName"),
            now.get("propertyName"),
        )
    elif now:
        for name in _mapping(now).keys() - _mapping(was).keys():
            yield Change("discriminator-mapping-added", name, old, new, "discriminator")


def _mapping(discriminator: Mapping[str, Any]) -> Mapping[str, Any]:
    found = discriminator.get("mapping")
    return found if isinstance(found, dict) else {}


def _lifecycle(old: Schema, new: Schema) -> Iterator[Change]:
    if new.flag("deprecated") and not old.flag("deprecated"):
        yield Change("deprecated", "", old, new, "deprecated")
    was, now = old.raw.get("x-stability-level"), new.raw.get("x-stability-level")
    if was != now:
        yield Change("stability", "", old, new, "x-stability-level", was, now)
    if old.flag("writeOnly") and not new.flag("writeOnly"):
        yield Change("became-not-write-only", "", old, new, "writeOnly")


def children(old: Schema, new: Schema) -> Iterator[tuple[str, Schema, Schema, bool]]:
    """The schemas under two schemas that belong together: what to write for the way there, the
    two, and whether the parent asked for it (a property that was required)."""
    now = new.raws("properties")
    needed = set(old.names("required"))
    for name in old.raws("properties"):
        if name in now:
            yield from _both(
                f".{name}", old.named("properties", name), new.named("properties", name),
                needed=name in needed,
            )  # fmt: skip
    for key, way in _UNDER.items():
        if key in old.raw and key in new.raw:
            yield from _both(way, old.under(key), new.under(key))
    for key, way in _NAMED.items():
        for name in old.raws(key).keys() & new.raws(key).keys():
            yield from _both(way.format(name), old.named(key, name), new.named(key, name))
    for key, way in _MEMBERS.items():
        if key in old.raw and key in new.raw:
            pairs, _, _ = members(old.list(key), new.list(key))
            for one, other in pairs:
                yield from _both(way.format(label(other)), one[1], other[1])


def _both(
    way: str, old: Schema | None, new: Schema | None, *, needed: bool = False
) -> Iterator[tuple[str, Schema, Schema, bool]]:
    if old is not None and new is not None:
        yield way, old, new, needed


_UNDER = {
    "items": "[]",
    "additionalProperties": ".*",
    "contains": "(contains)",
    "propertyNames": "(propertyNames)",
    "unevaluatedItems": "(unevaluatedItems)",
    "unevaluatedProperties": "(unevaluatedProperties)",
    "if": "(if)",
    "then": "(then)",
    "else": "(else)",
    "not": "(not)",
    "contentSchema": "(contentSchema)",
}
_NAMED = {"patternProperties": ".({})", "dependentSchemas": "(dependentSchemas {})"}
_MEMBERS = {"allOf": "", "anyOf": "({})", "oneOf": "({})", "prefixItems": "[{}]"}
