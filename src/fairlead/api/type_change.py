"""Whether another type or format is one that the reader of a value can still take.

As oasdiff 1.28 judges it: whole numbers are numbers, text in a URL or a header has no type, and
of formats only those are wider that hold every value of the narrower.
"""

from fairlead.api.schema import Schema

# Formats of a type, each with those that hold all of its values (OpenAPI's format registry).
_WIDER = {
    "number": {("float", "double")},
    "integer": {("int32", "int64"), ("int32", "bigint"), ("int64", "bigint")},
    "string": {("date", "date-time"), ("time", "date-time")},
}


def request_breaks(old: Schema, new: Schema, *, strong: bool) -> bool:
    """Whether a sender of ``old`` is refused by ``new``. ``strong``: JSON, where 1 is not "1"."""
    return _breaks(old.types, new.types, old.text("format"), new.text("format"), strong=strong)


def response_breaks(old: Schema, new: Schema, *, strong: bool) -> bool:
    """Whether a reader of ``old`` may get what it cannot read."""
    return _breaks(new.types, old.types, new.text("format"), old.text("format"), strong=strong)


def widened(old: Schema, new: Schema) -> bool:
    """Whether each of the old types is still one, and there are more."""
    return bool(old.types) and set(old.types) != set(new.types) and _within(old.types, new.types)


def parameter_breaks(old: Schema, new: Schema, *, strong: bool) -> bool:
    """As ``request_breaks``; several types are judged by what came and went."""
    types = _differ(old.types, new.types) and not _fits(old.types, new.types, strong=strong)
    return types or _format_breaks(new.types, old.text("format"), new.text("format"))


def _breaks(
    sent: tuple[str, ...], read: tuple[str, ...], before: str, after: str, *, strong: bool
) -> bool:
    types = _differ(sent, read)
    if types and sent and _within(sent, read):
        types = False
    elif types and not read:
        return False
    return (types and not _fits(sent, read, strong=strong)) or _format_breaks(read, before, after)


def _differ(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    return set(these) != set(those)


def _within(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    return all(kind in those or (kind == "integer" and "number" in those) for kind in these)


def _fits(sent: tuple[str, ...], read: tuple[str, ...], *, strong: bool) -> bool:
    gone = [kind for kind in sent if kind not in read]
    come = [kind for kind in read if kind not in sent]
    if gone == ["integer"] and come == ["number"]:
        return True
    return not strong and come in ([], ["string"])


def _format_breaks(read: tuple[str, ...], before: str, after: str) -> bool:
    if before == after or not after:
        return False
    return len(read) != 1 or (before, after) not in _WIDER.get(read[0], set())
