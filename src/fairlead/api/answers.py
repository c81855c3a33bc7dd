"""What a change of an operation's answers breaks for who reads them."""

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fairlead.api import media
from fairlead.api.breaks import Use
from fairlead.api.breaks import breaks as schema_breaks
from fairlead.api.comparison import Comparison
from fairlead.api.levels import LEVELS
from fairlead.api.model import Break, Place
from fairlead.api.operations import Operation

_KEEP = "go on giving it while clients read it"


def breaks(
    old: Operation, new: Operation, comparison: Comparison, today: dt.date
) -> Iterator[Break]:
    """For each status that the old contract promises."""
    was, now = _answers(old.raw), _answers(new.raw)
    document = comparison.new
    for status, raw in was.items():
        if status not in now:
            if _success(status):
                rule, subject = "response-success-status-removed", f"{new.name} {status}"
                yield _of(rule, subject, "is gone", partial(document.place, new.raw, "responses"))
            continue
        before, after = comparison.old.whole(raw), document.whole(now[status])
        subject = f"{new.name} {status}"
        yield from _headers(before, after, subject, comparison)
        yield from _content(before, after, subject, comparison, today)


def _answers(raw: dict[str, Any]) -> dict[str, Any]:
    found = raw.get("responses")
    return found if isinstance(found, dict) else {}


def _success(status: str) -> bool:
    return len(status) == 3 and status.startswith("2")


def _of(rule: str, subject: str, what: str, place: Callable[[], Place]) -> Break:
    return Break(rule, LEVELS[rule], subject, f"{subject} {what}", place(), _KEEP)


def _headers(
    old: dict[str, Any], new: dict[str, Any], subject: str, comparison: Comparison
) -> Iterator[Break]:
    document = comparison.new
    now = {name.lower(): name for name in _named(new)}
    for name, raw in _named(old).items():
        before = comparison.old.whole(raw)
        at = f"{subject} header {name}"
        if name.lower() not in now:
            kind = "required" if before.get("required") is True else "optional"
            place = partial(document.place, new, "headers")
            yield _of(f"{kind}-response-header-removed", at, "is gone", place)
            continue
        after = document.whole(_named(new)[now[name.lower()]])
        if before.get("required") is True and after.get("required") is not True:
            place = partial(document.place, after)
            yield _of("response-header-became-optional", at, "may be missing now", place)
        use = Use(at, "response-header", strong=False)
        yield from schema_breaks(comparison, before.get("schema"), after.get("schema"), use)


def _named(raw: dict[str, Any]) -> dict[str, Any]:
    found = raw.get("headers")
    return found if isinstance(found, dict) else {}


def _content(
    old: dict[str, Any],
    new: dict[str, Any],
    subject: str,
    comparison: Comparison,
    today: dt.date,
) -> Iterator[Break]:
    was, now = media.content(old), media.content(new)
    pairs, gone, _ = media.matched(was, now)
    place = partial(comparison.new.place, new, "content")
    for name in gone:
        at = f"{subject} body[{name}]"
        yield _of("response-media-type-removed", at, "is gone", place)
    for before, name in pairs:
        at = f"{subject} body{media.shown(name)}"
        if before != name and _less_said(before, name):
            what = f"is {name} now, was {before}"
            yield _of("response-media-type-name-generalized", at, what, place)
        had, has = was[before].get("schema"), now[name].get("schema")
        if had is not None and has is None:
            rule = "response-body-media-type-schema-removed"
            yield _of(rule, at, "no longer has a schema", partial(comparison.new.place, now[name]))
        use = Use(at, "response", strong=media.is_json(name), today=today)
        yield from schema_breaks(comparison, had, has, use)


def _less_said(old: str, new: str) -> bool:
    return media.parameters(old) == media.parameters(new) and not media.within(old, new)
