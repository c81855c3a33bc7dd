"""What the new shape of a database takes from code that was written for the old one.

Compared by name, as code does: a view in a table's place, with its columns, takes nothing. The
numbers that stay when a thing is renamed only say where it went.
"""

import re
from collections.abc import Iterator

from fairlead.migrations.model import Column, Constraint, Difference, Relation, Shape, Verb
from fairlead.migrations.types import Fit, fit

_QUOTED = re.compile(r"'((?:[^']|'')*)'")
# What may make of a NULL something else than NULL, so that a CHECK can refuse it.
_SEES_NULL = re.compile(r"\bIS\b|\bCOALESCE\b|num_n|concat|\(\)|false", re.IGNORECASE)


def differences(old: Shape, new: Shape) -> tuple[Difference, ...]:
    """Everything that older code may miss, in the old shape's order."""
    found: list[Difference] = []
    for relation in old.relations:
        after = new.relation(relation.name)
        if after is None:
            found.append(_gone(relation, new))
        else:
            found += _within(relation, after)
    gone = [name for name in old.functions if name not in new.functions]
    found += [
        Difference(Verb.GONE, name, "", f"function {name} is dropped", (name.partition("(")[0],))
        for name in gone
    ]
    return tuple(found)


def same(one: Shape, other: Shape) -> bool:
    """Whether two databases hold the same relations, columns and rules, whatever their rows."""
    return _names(one) == _names(other)


def _names(shape: Shape) -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = {(name,) for name in shape.functions}
    for one in shape.relations:
        found |= {(one.name, c.name, c.type, c.required, c.fills, c.labels) for c in one.columns}
        found |= {(one.name, c.name, c.text) for c in one.constraints}
    return found


def _gone(relation: Relation, new: Shape) -> Difference:
    now = next((one.name for one in new.relations if one.id and one.id == relation.id), "")
    kind = "view" if relation.kind in "vm" else "table"
    what = f"{kind} {relation.name} is " + (f"renamed to {now}" if now else "dropped")
    return Difference(Verb.GONE, relation.name, "", what, (relation.name,))


def _within(old: Relation, new: Relation) -> Iterator[Difference]:
    columns = {column.name: column for column in new.columns}
    for column in old.columns:
        after = columns.get(column.name)
        if after is None:
            yield _column_gone(old, column, new)
        else:
            yield from _column(old, column, after)
    known = {column.name for column in old.columns}
    yield from (_required(old, one) for one in new.columns if one.name not in known and _bare(one))
    yield from _constraints(old, new, known)


def _bare(column: Column) -> bool:
    return column.required and not column.fills


def _column_gone(old: Relation, column: Column, new: Relation) -> Difference:
    now = next(
        (one.name for one in new.columns if one.number == column.number and old.id == new.id), ""
    )
    what = f"column {old.name}.{column.name} is " + (f"renamed to {now}" if now else "dropped")
    return Difference(Verb.GONE, old.name, column.name, what, _words(column.name))


def _words(column: str) -> tuple[str, ...]:
    """How code names a column; Django calls ``station_id`` ``station``."""
    return (column, column.removesuffix("_id")) if len(column) > 3 else (column,)


def _required(old: Relation, column: Column) -> Difference:
    what = f"column {old.name}.{column.name} is new, NOT NULL, and has no default in the database"
    return Difference(Verb.REQUIRED, old.name, column.name, what)


def _column(old: Relation, was: Column, now: Column) -> Iterator[Difference]:
    name = f"{old.name}.{was.name}"
    if was.labels and now.labels:
        yield from _labels(old, was, now)
    else:
        fits = fit(was.type, now.type)
        if fits in (Fit.NARROWER, Fit.OTHER):
            verb = Verb.NARROWED if fits == Fit.NARROWER else Verb.CHANGED
            what = f"column {name} becomes {now.type} and was {was.type}"
            yield Difference(verb, old.name, was.name, what, _words(was.name))
    if now.required and not was.required:
        what = f"column {name} becomes NOT NULL"
        yield Difference(Verb.RESTRICTED, old.name, was.name, what, _words(was.name))
    elif was.fills and not now.fills and now.required:
        what = f"column {name} loses its default and is NOT NULL"
        yield Difference(Verb.RESTRICTED, old.name, was.name, what, _words(was.name))


def _labels(old: Relation, was: Column, now: Column) -> Iterator[Difference]:
    lost = tuple(label for label in was.labels if label not in now.labels)
    if lost:
        what = f"{old.name}.{was.name} no longer takes {', '.join(lost)}"
        yield Difference(Verb.LABELS, old.name, was.name, what, lost)


def _constraints(old: Relation, new: Relation, known: set[str]) -> Iterator[Difference]:
    before = {(one.kind, one.name): one for one in old.constraints}
    texts = {one.text for one in old.constraints}
    for one in new.constraints:
        was = before.get((one.kind, one.name))
        if one.text in texts or _harmless(one, known, new):
            continue
        yield _restricted(old, one)
        lost = _lost(was, one) if was else ()
        if lost:
            what = f"{one.name} of {old.name} no longer takes {', '.join(lost)}"
            yield Difference(Verb.LABELS, old.name, one.name, what, lost)


def _harmless(one: Constraint, known: set[str], new: Relation) -> bool:
    """Whether it is about new columns alone, in which old code leaves NULL, and takes NULL."""
    fills = {column.name for column in new.columns if column.fills or column.required}
    fresh = one.columns and not (set(one.columns) & (known | fills))
    return bool(fresh) and one.kind in "cfui" and not (one.kind == "c" and _sees_null(one.text))


def _sees_null(text: str) -> bool:
    return _SEES_NULL.search(text) is not None or "NULLS NOT DISTINCT" in text


def _restricted(old: Relation, one: Constraint) -> Difference:
    said = one.text if len(one.text) <= 120 else f"{one.text[:119]}…"
    what = f"{old.name} takes only rows that keep to {one.name}: {said}"
    unique = one.kind in "upix"
    return Difference(Verb.RESTRICTED, old.name, one.name, what, one.columns, unique)


def _lost(was: Constraint, now: Constraint) -> tuple[str, ...]:
    """The words a CHECK listed that it lists no more."""
    left = set(_QUOTED.findall(now.text))
    return tuple(word for word in _QUOTED.findall(was.text) if word not in left)
