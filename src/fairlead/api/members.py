"""Which schema in an allOf, anyOf, oneOf or prefixItems is which one of the other document.

By the name that a reference gives, then by equal text, then by title; one left over on both sides
is the same one, changed. (As oasdiff 1.28 pairs them.)
"""

from collections.abc import Callable, Sequence

from fairlead.api.plain import plain
from fairlead.api.schema import Schema, validation

Member = tuple[int, Schema]
Matched = tuple[list[tuple[Member, Member]], list[Member], list[Member]]


def members(old: Sequence[Schema], new: Sequence[Schema]) -> Matched:
    """(old, new) pairs, what is only in the old list, and what is only in the new one."""
    gone, come = list(enumerate(old)), list(enumerate(new))
    pairs: list[tuple[Member, Member]] = []
    _take(gone, come, pairs, lambda a, b: bool(a.ref) and a.ref == b.ref)
    _take(gone, come, pairs, lambda a, b: not a.ref and not b.ref and plain(a.raw) == plain(b.raw))
    _take(gone, come, pairs, _same_title)
    inline_gone = [one for one in gone if not one[1].ref]
    inline_come = [one for one in come if not one[1].ref]
    if len(inline_gone) == len(inline_come) == 1 and not (
        inline_gone[0][1].text("title") or inline_come[0][1].text("title")
    ):
        pairs.append((inline_gone[0], inline_come[0]))
        gone.remove(inline_gone[0])
        come.remove(inline_come[0])
    _take(gone, come, pairs, _moved_into_a_component)
    return pairs, gone, come


def label(member: Member) -> str:
    """Names a member: by its component, its title, or its place."""
    index, schema = member
    return schema.ref.rpartition("/")[2] or schema.text("title") or str(index + 1)


def _same_title(old: Schema, new: Schema) -> bool:
    title = old.text("title")
    return bool(title) and not old.ref and not new.ref and title == new.text("title")


def _moved_into_a_component(old: Schema, new: Schema) -> bool:
    return bool(old.ref) != bool(new.ref) and validation(old.raw) == validation(new.raw)


def _take(
    gone: list[Member],
    come: list[Member],
    pairs: list[tuple[Member, Member]],
    same: Callable[[Schema, Schema], bool],
) -> None:
    for old in list(gone):
        new = next((one for one in come if same(old[1], one[1])), None)
        if new is not None:
            pairs.append((old, new))
            gone.remove(old)
            come.remove(new)
