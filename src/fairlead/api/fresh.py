"""Whether an operation's answers say how old they are: the fields are there, required and typed.

A field named like a moment (`…_at`, `…At`, `…_time`, `timestamp`) is a text of format `date-time`.
Other fields (`freshness`, `status`) are typed; where their values are listed, one of them must say
that the state is not known, and a text must say that it is no success.
"""

import re
from collections.abc import Iterator
from typing import Any

from fairlead.api.document import Document
from fairlead.api.model import Break
from fairlead.api.operations import Operation, operations
from fairlead.api.schema import Schema, schema
from fairlead.checks.model import Level

_MOMENT = re.compile(r"(?:.*(?:_at|At|_time|Time|_on))|timestamp|date|time")
UNKNOWN = frozenset(
    {"unknown", "notknown", "unavailable", "stale", "expired", "missing", "nodata", "error",
     "degraded", "undetermined", "indeterminate", "outdated", "offline"}
)  # fmt: skip
"""Values that name a state that is not known, letters only, small."""
_NOT_LETTERS = re.compile(r"[^a-z]")
_DESCRIPTIONS = ("x-enum-descriptions", "x-enumDescriptions", "x-enum-varnames-descriptions")
_HINT = "say in the contract how old an answer is, and what stands there when that is not known"


def breaks(document: Document, fresh: tuple[tuple[str, tuple[str, ...]], ...]) -> Iterator[Break]:
    """What the declared (operation, fields) lack. Raises Broken and Unknown."""
    listed = {one.name: one for one in operations(document).values()}
    for name, fields in fresh:
        operation = listed.get(name)
        if operation is None:
            place = document.place(document.root, "paths")
            what = f"{name} is not in the contract, and its freshness is declared"
            yield Break("fresh-operation-missing", Level.ERROR, name, what, place, _HINT)
        else:
            yield from _operation(document, operation, fields)


def _operation(
    document: Document, operation: Operation, fields: tuple[str, ...]
) -> Iterator[Break]:
    answers = list(_successes(document, operation))
    if not answers:
        place = document.place(operation.raw, "responses")
        what = f"{operation.name} has no 2xx answer with a schema"
        yield Break("fresh-answer-missing", Level.ERROR, operation.name, what, place, _HINT)
    for status, answer in answers:
        for field in fields:
            subject = f"{operation.name} {status} body.{field}"
            yield from _field(document, answer, field, subject)


def _successes(document: Document, operation: Operation) -> Iterator[tuple[str, Schema]]:
    listed = operation.raw.get("responses")
    for status, raw in listed.items() if isinstance(listed, dict) else ():
        content = document.whole(raw).get("content")
        if not status.startswith("2") or not isinstance(content, dict):
            continue
        for media in content.values():
            found = schema(document, media.get("schema")) if isinstance(media, dict) else None
            if found is not None:
                yield status, found


def _field(document: Document, answer: Schema, field: str, subject: str) -> Iterator[Break]:
    found, required = _find(answer, field.split("."))
    if found is None:
        place = document.place(answer.raw, "properties")
        yield _missing(
            "fresh-field-missing", subject, "is declared, and not in the contract", place
        )
        return
    place = document.place(found.raw)
    if not required:
        yield _missing("fresh-field-optional", subject, "may be missing: it is not required", place)
    if _MOMENT.fullmatch(field.rpartition(".")[2]):
        if found.types != ("string",) or found.text("format") != "date-time":
            yield _missing("fresh-field-type", subject, "is no text of format date-time", place)
    else:
        yield from _state(found, subject, place)


def _missing(rule: str, subject: str, what: str, place: Any) -> Break:
    return Break(rule, Level.ERROR, subject, f"{subject} {what}", place, _HINT)


def _state(found: Schema, subject: str, place: Any) -> Iterator[Break]:
    values = found.values("enum")
    if not found.types and values is None:
        yield _missing("fresh-field-type", subject, "has no type", place)
    if values is None:
        return
    unknown = [value for value in values if _plain(value) in UNKNOWN]
    if not unknown:
        what = 'lists its values, and none of them is "unknown"'
        yield _missing("fresh-unknown-missing", subject, what, place)
    elif not any(_documented(found, value) for value in unknown):
        what = f"does not say in its description what {unknown[0]} means"
        yield _missing("fresh-unknown-undocumented", subject, what, place)


def _plain(value: Any) -> str:
    return _NOT_LETTERS.sub("", value.lower()) if isinstance(value, str) else ""


def _documented(found: Schema, value: Any) -> bool:
    if str(value) in found.text("description"):
        return True
    for key in _DESCRIPTIONS:
        said = found.raw.get(key)
        if isinstance(said, dict) and said.get(value):
            return True
        values = found.values("enum") or []
        if isinstance(said, list) and len(said) == len(values) and said[values.index(value)]:
            return True
    return False


def _find(answer: Schema, way: list[str], depth: int = 0) -> tuple[Schema | None, bool]:
    """The field at a way of names, in the parts of an allOf too, and whether all are required."""
    if depth > 20:
        return None, False
    field = answer.named("properties", way[0])
    needed = way[0] in answer.names("required")
    if field is not None:
        found, below = (field, True) if len(way) == 1 else _find(field, way[1:], depth + 1)
        return found, needed and below
    for part in answer.list("allOf"):
        found, below = _find(part, way, depth + 1)
        if found is not None:
            return found, below or needed
    return None, False
