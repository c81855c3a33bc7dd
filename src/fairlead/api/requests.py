"""What a change of an operation's parameters and request body breaks for who sends requests."""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial

from fairlead.api import media
from fairlead.api.breaks import Use
from fairlead.api.breaks import breaks as schema_breaks
from fairlead.api.comparison import Comparison
from fairlead.api.document import Document
from fairlead.api.levels import LEVELS
from fairlead.api.model import Break, Place
from fairlead.api.operations import Operation, Parameter
from fairlead.api.sunset import UNSETTLED, Sunset, stability

_OPTIONAL = "let it be left out: old clients do not send it"
_KEEP = "take it as before while clients send it"


def breaks(
    old: Operation, new: Operation, comparison: Comparison, today: dt.date
) -> Iterator[Break]:
    """In the parameters, then in the body."""
    yield from _parameters(old, new, comparison, today)
    yield from _body(old, new, comparison, today)


def _parameters(
    old: Operation, new: Operation, comparison: Comparison, today: dt.date
) -> Iterator[Break]:
    renamed = dict(zip(old.path_names, new.path_names, strict=False))
    left = list(new.parameters)
    for before in old.parameters:
        after = next((one for one in left if _is_same(before, one, renamed)), None)
        if after is None and (spread := _spread(before, new.parameters, old.parameters)):
            left = [one for one in left if one not in spread]
        elif after is None:
            yield from _removed(before, new, comparison.new, today)
        else:
            left.remove(after)
            yield from _kept(before, after, new, comparison, today)
    for one in left:
        yield from _added(one, new, comparison.new)


def _is_same(old: Parameter, new: Parameter, renamed: dict[str, str]) -> bool:
    if old.where != new.where:
        return False
    if old.where == "path":
        return renamed.get(old.name, old.name) == new.name
    if old.where == "header":  # RFC 9110, 5.1
        return old.name.lower() == new.name.lower()
    return old.name == new.name


def _spread(
    before: Parameter, new: tuple[Parameter, ...], old: tuple[Parameter, ...]
) -> list[Parameter]:
    """The parameters that say the same in the URL: an object's fields stand there one by one."""
    inside = [one for one in new if before.name in _fields(one) and one.where == before.where]
    if inside:
        names = {one.name for one in old}
        return [one for one in inside if _fields(one) <= names]
    fields = _fields(before)
    found = [one for one in new if one.name in fields and one.where == before.where]
    return found if {one.name for one in found} == fields else []


def _fields(one: Parameter) -> frozenset[str]:
    schema = one.schema if isinstance(one.schema, dict) and _exploded(one) else {}
    fields = schema.get("properties")
    return frozenset(fields) if isinstance(fields, dict) else frozenset()


def _subject(operation: Operation, one: Parameter) -> str:
    return f"{operation.name} {one.where} {one.name}"


def _of(rule: str, subject: str, what: str, place: Callable[[], Place], hint: str) -> Break:
    return Break(rule, LEVELS[rule], subject, f"{subject} {what}", place(), hint)


def _removed(
    one: Parameter, operation: Operation, document: Document, today: dt.date
) -> Iterator[Break]:
    sunset = Sunset.of(one.raw)
    subject, place = _subject(operation, one), partial(document.place, operation.raw, "parameters")
    if one.raw.get("deprecated") is not True:
        yield _of("request-parameter-removed", subject, "is gone", place, _KEEP)
    elif sunset.broken:
        what = "is gone; its x-sunset was no date"
        yield _of("request-parameter-sunset-parse", subject, what, place, _KEEP)
    elif sunset.day is not None and today < sunset.day:
        what = f"is gone before {sunset.day}"
        yield _of("request-parameter-removed-before-sunset", subject, what, place, _KEEP)


def _added(one: Parameter, operation: Operation, document: Document) -> Iterator[Break]:
    subject, place = _subject(operation, one), partial(document.place, one.raw)
    if one.where == "path":
        yield _of("new-request-path-parameter", subject, "is new", place, _OPTIONAL)
    elif one.required:
        rule = "new-required-request-parameter"
        if one.shared:
            rule = "new-required-request-default-parameter-to-existing-path"
        yield _of(rule, subject, "is new, and must be sent", place, _OPTIONAL)


def _kept(
    old: Parameter, new: Parameter, operation: Operation, comparison: Comparison, today: dt.date
) -> Iterator[Break]:
    subject, document = _subject(operation, new), comparison.new
    if new.required and not old.required:
        place = partial(document.place, new.raw, "required")
        rule = "request-parameter-became-required"
        yield _of(rule, subject, "must be sent now", place, _OPTIONAL)
    if stability(operation.raw) not in UNSETTLED:
        yield from _sunset(old, new, subject, document, today)
    use = Use(
        subject,
        "request-parameter",
        strong=False,
        today=today,
        optional=not (old.required or new.required),
        exploded=_exploded(new),
    )
    yield from schema_breaks(comparison, old.schema, new.schema, use)


def _exploded(one: Parameter) -> bool:
    form = one.raw.get("style", "form") == "form" and one.where in ("query", "cookie")
    return form and one.raw.get("explode", True) is True


def _sunset(
    old: Parameter, new: Parameter, subject: str, document: Document, today: dt.date
) -> Iterator[Break]:
    was, now = Sunset.of(old.raw), Sunset.of(new.raw)
    place = partial(document.place, new.raw, "x-sunset")
    if new.raw.get("deprecated") is not True:
        return
    if (now.broken or was.broken) and old.raw.get("x-sunset") != new.raw.get("x-sunset"):
        yield _of("request-parameter-sunset-parse", subject, "x-sunset is no date", place, _KEEP)
    elif was.said and not now.said:
        rule = "request-parameter-sunset-deleted"
        yield _of(rule, subject, "no longer has its x-sunset", place, _KEEP)
    elif now.day is not None and now.day < today:
        if old.raw.get("deprecated") is not True:
            rule = "request-parameter-sunset-date-too-small"
            yield _of(rule, subject, f"has an x-sunset that is past: {now.day}", place, _KEEP)
        elif was.day is not None and now.day < was.day:
            rule = "request-parameter-sunset-date-changed-too-small"
            yield _of(rule, subject, f"has an x-sunset that is past: {now.day}", place, _KEEP)


def _body(
    old: Operation, new: Operation, comparison: Comparison, today: dt.date
) -> Iterator[Break]:
    document = comparison.new
    before = comparison.old.whole(old.raw.get("requestBody"))
    after = document.whole(new.raw.get("requestBody"))
    subject = f"{new.name} request body"
    place = partial(document.place, new.raw, "requestBody")
    if before and not after:
        yield _of("request-body-removed", subject, "is gone", place, _KEEP)
    elif after and not before:
        if after.get("required") is True:
            what = "is new, and must be sent"
            yield _of("request-body-added-required", subject, what, place, _OPTIONAL)
    elif before and after:
        if after.get("required") is True and before.get("required") is not True:
            rule = "request-body-became-required"
            yield _of(
                rule,
                subject,
                "must be sent now",
                partial(document.place, after, "required"),
                _OPTIONAL,
            )
        yield from _content(before, after, subject, comparison, today)


def _content(
    old: dict[str, object],
    new: dict[str, object],
    subject: str,
    comparison: Comparison,
    today: dt.date,
) -> Iterator[Break]:
    was, now = media.content(old), media.content(new)
    pairs, gone, _ = media.matched(was, now)
    place = partial(comparison.new.place, new, "content")
    for name in gone:
        what = f"no longer takes {name}"
        yield _of("request-body-media-type-removed", f"{subject}[{name}]", what, place, _KEEP)
    for before, name in pairs:
        had, has = was[before].get("schema"), now[name].get("schema")
        at = f"{subject}{media.shown(name)}"
        if had is None and has is not None:
            rule, what = "request-body-media-type-schema-added", "has a schema now"
            yield _of(rule, at, what, partial(comparison.new.place, now[name], "schema"), _KEEP)
        use = Use(at, "request", strong=media.is_json(name), today=today)
        yield from schema_breaks(comparison, had, has, use)
