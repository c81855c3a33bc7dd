"""Two contracts of one API: what a client of the old one can no longer rely on in the new one.

Rule ids and levels are oasdiff's (``levels``), found as oasdiff 1.28 finds them; where we judge
more strictly, or otherwise, is in docs/design/api-shape.md.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec

from fairlead.api import answers, requests, security
from fairlead.api.comparison import Comparison
from fairlead.api.document import Document, refs_in
from fairlead.api.levels import LEVELS
from fairlead.api.model import Break, Place
from fairlead.api.operations import Fingerprints, Operation, paths, same_targets
from fairlead.api.sunset import UNSETTLED, Sunset, is_lower, stability
from fairlead.checks.model import Level

_KEEP = "keep it while clients use it; to end it, mark it deprecated with an x-sunset first"


class Pairing(msgspec.Struct, frozen=True):
    """One operation as it was and as it is."""

    old: Operation
    new: Operation
    comparison: Comparison
    today: dt.date


def compare(old: Fingerprints, new: Fingerprints, today: dt.date) -> list[Break]:
    """What the new document breaks for clients of the old one. Raises Broken and Unknown.

    A document that is equal to the old one breaks nothing. ``today`` is for sunsets.
    """
    same = same_targets(old, new)
    comparison = Comparison(old.document, new.document, same)
    found: list[Break] = []
    for key, before in old.operations.items():
        after = new.operations.get(key)
        if after is None:
            if stability(before.raw) not in UNSETTLED:
                found.extend(_removed(before, new, today))
        elif not _untouched(old, new, key, same):
            found.extend(_changed(Pairing(before, after, comparison, today)))
    comparison.forget()
    return list({(one.rule, one.subject): one for one in reversed(found)}.values())[::-1]


def _untouched(
    old: Fingerprints, new: Fingerprints, key: tuple[str, str], same: frozenset[str]
) -> bool:
    if old.document.minor != new.document.minor or old.operation(key) != new.operation(key):
        return False
    return refs_in(new.operation(key)) <= same


def _changed(pair: Pairing) -> Iterator[Break]:
    yield from _lifecycle(pair)
    if stability(pair.new.raw) in UNSETTLED:
        return
    yield from security.breaks(pair.old, pair.new, pair.comparison.new)
    yield from requests.breaks(pair.old, pair.new, pair.comparison, pair.today)
    yield from answers.breaks(pair.old, pair.new, pair.comparison, pair.today)


def _removed(before: Operation, new: Fingerprints, today: dt.date) -> Iterator[Break]:
    document = new.document
    whole = before.shape not in paths(document)
    if before.path.startswith("webhook ") and whole:
        place = document.place(document.root, "webhooks")
        yield _of(before, "webhook-removed", "is gone", place)
        return
    sunset = Sunset.of(before.raw)
    start = "api-path-removed" if whole else "api-removed"
    place = _near(before, document)
    if before.raw.get("deprecated") is not True:
        yield _of(before, f"{start}-without-deprecation", "is gone; it was not deprecated", place)
    elif sunset.broken:
        yield _of(before, "api-path-sunset-parse", "is gone; its x-sunset was no date", place)
    elif sunset.day is not None and today < sunset.day:
        yield _of(before, f"{start}-before-sunset", f"is gone before {sunset.day}", place)


def _near(before: Operation, document: Document) -> Place:
    listed = document.root.get("paths")
    if isinstance(listed, dict) and before.path in listed:
        return document.place(listed, before.path)
    return document.place(document.root, "paths")


def _of(operation: Operation, rule: str, what: str, place: Place) -> Break:
    level = LEVELS.get(rule, Level.ERROR)
    return Break(rule, level, operation.name, f"{operation.name} {what}", place, _KEEP)


def _lifecycle(pair: Pairing) -> Iterator[Break]:
    old, new, document = pair.old.raw, pair.new.raw, pair.comparison.new
    for one in (old, new):
        if stability(one) == "?":
            yield _said(pair, "api-invalid-stability-level", "x-stability-level", "is no level")
            return
    if is_lower(old.get("x-stability-level"), new.get("x-stability-level")):
        place = document.place(new, "x-stability-level")
        what = f"is said to be {stability(new)} now, was {stability(old) or 'stable'}"
        yield _of(pair.new, "api-stability-decreased", what, place)
    yield from _sunset(pair, old, new)


def _sunset(pair: Pairing, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Break]:
    was, now = Sunset.of(old), Sunset.of(new)
    if new.get("deprecated") is not True or stability(new) in UNSETTLED:
        return
    if old.get("deprecated") is not True and now.broken:
        yield _said(pair, "api-deprecated-sunset-parse", "x-sunset", "is no date")
    elif old.get("deprecated") is not True and now.day is not None and now.day < pair.today:
        yield _said(pair, "api-sunset-date-too-small", "x-sunset", f"is past: {now.day}")
    elif was.said and not now.said:
        yield _said(pair, "sunset-deleted", "deprecated", "no longer has its x-sunset")
    elif was.said and now.said and old.get("x-sunset") != new.get("x-sunset"):
        if was.day is None or now.day is None:
            yield _said(pair, "api-path-sunset-parse", "x-sunset", "is no date")
        elif now.day < was.day and now.day < pair.today:
            what = f"is {now.day} now, which is past; was {was.day}"
            yield _said(pair, "api-sunset-date-changed-too-small", "x-sunset", what)


def _said(pair: Pairing, rule: str, key: str, what: str) -> Break:
    named = "" if key == "deprecated" else f"{key} "
    return _of(pair.new, rule, f"{named}{what}", pair.comparison.new.place(pair.new.raw, key))
