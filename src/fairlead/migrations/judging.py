"""What the evidence means for a release: how older code fares with the new schema.

A thing that is taken away stops a change when a test of the older release newly fails, when its SQL
names the thing, and where nothing exercised it. Passing needs evidence: tests that touched the
table, or code in which the name does not occur.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from fairlead.checks.model import Finding, Level
from fairlead.migrations.model import Difference, Mention, TestRun, Touch, Verb

MOST_TESTS = 50

Mentions = Callable[[Difference], Sequence[Mention]]


class Judged(msgspec.Struct, frozen=True):
    """Findings, and what could not be known, as sentences."""

    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(self.findings + other.findings, self.unknown + other.unknown)


def differences(
    found: Iterable[Difference], release: str, mentions: Mentions, touches: Mapping[str, Touch]
) -> Judged:
    """Each difference, against the code of ``release`` and what its tests touched."""
    judged = Judged()
    for one in found:
        touch = touches.get(one.relation, Touch(one.relation, 0, 0))
        judged += _RULES[one.verb](one, release, mentions(one), touch)
    return judged


def early(found: Iterable[Difference], release: str, mentions: Mentions) -> tuple[Finding, ...]:
    """What another release that is still served needs: its tests are not run, its code is read."""
    return tuple(
        _error(
            "too-early",
            one,
            f"{one.what}, and release {release}, which is still served, names it",
            seen[:1],
            f"keep the old shape until release {release} is no longer served",
        )
        for one in found
        if one.verb != Verb.RESTRICTED and (seen := tuple(mentions(one)))
    )


def tests(before: TestRun, after: TestRun, rule: str, who: str, where: str) -> Judged:
    """Tests that pass on the schema they were written for (``before``) and fail on the other.

    ``who`` and ``where`` are clauses: "release 41's tests", "on the new schema".
    """
    unknown = before.unknown or before.unused or after.unknown
    if unknown:
        return Judged(unknown=(f"{who} {unknown}",))
    if before.count == 0:
        return Judged(unknown=(f"{who} are none: the command ran no test",))
    if before.code and not before.failing:
        words = f"{who} fail on their own schema too, and do not say which: {before.tail}"
        return Judged(unknown=(words,))
    if after.code == 0:
        return _fewer(before, after, who, where)
    newly = sorted((after.failing or {}).keys() - (before.failing or {}).keys())
    if newly or not before.code:
        return Judged(tuple(_newly(newly, after, rule, who, where)))
    if not after.failing:
        return Judged(unknown=(f"{who} end with {after.code} {where}: {after.tail}",))
    return _fewer(before, after, who, where)


def _fewer(before: TestRun, after: TestRun, who: str, where: str) -> Judged:
    if after.unused:
        return Judged(unknown=(f"{who} {after.unused}",))
    if before.count is not None and (after.count is None or after.count < before.count):
        return Judged(unknown=(f"of {before.count} of {who} {after.count or 0} ran {where}",))
    return Judged()


def _newly(names: list[str], after: TestRun, rule: str, who: str, where: str) -> list[Finding]:
    hint = "let the new schema serve the code before it: expand now, contract in a later release"
    if not names:
        message = f"{who} end with {after.code} {where}, and with 0 on their own: {after.tail}"
        return [Finding(f"migrations.{rule}", message, subject=rule, hint=hint)]
    return [
        Finding(
            f"migrations.{rule}",
            f"of {who}, {name} newly fails {where}: {(after.failing or {}).get(name, '')}",
            subject=name,
            hint=hint,
        )
        for name in names[:MOST_TESTS]
    ]


def _error(rule: str, one: Difference, message: str, seen: Sequence[Mention], hint: str) -> Finding:
    at = f" ({seen[0].path}:{seen[0].line})" if seen else ""
    return Finding(f"migrations.{rule}", f"{message}{at}", subject=one.subject, hint=hint)


def _warning(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, level=Level.WARNING)


def _required(one: Difference, release: str, _seen: Sequence[Mention], _touch: Touch) -> Judged:
    message = f"{one.what}: release {release} writes rows without it"
    hint = "give it a default in the database (Django: db_default), or let it be NULL for now"
    return Judged((_error("required", one, message, (), hint),))


def _typed(one: Difference, release: str, seen: Sequence[Mention], _touch: Touch) -> Judged:
    if not seen:
        return Judged()
    rule = "narrowed" if one.verb == Verb.NARROWED else "type"
    message = f"{one.what}, and release {release} reads and writes it"
    hint = "add a second column, let both be written, and drop the first in a later release"
    return Judged((_error(rule, one, message, seen, hint),))


def _labels(one: Difference, release: str, seen: Sequence[Mention], _touch: Touch) -> Judged:
    if not seen:
        return Judged()
    hint = "let no served release write the value first, and remove it in a later release"
    message = f"{one.what}, which release {release} names"
    return Judged((_error("value-removed", one, message, seen, hint),))


def _gone(one: Difference, release: str, seen: Sequence[Mention], touch: Touch) -> Judged:
    if not seen:
        return Judged()
    hint = "release code that no longer names it first; drop it in the release after"
    strong = [mention for mention in seen if mention.strong]
    if strong:
        message = f"{one.what}, and release {release} still names it in SQL"
        return Judged((_error("gone", one, message, strong, hint),))
    if not touch.reads + touch.writes:
        words = f"{one.what}: release {release} has the word ({seen[0].path}:{seen[0].line})"
        return Judged(unknown=(f"{words}, and none of its tests touches {one.relation}",))
    message = f"{one.what}, and release {release}'s code has the word"
    return Judged((_warning(_error("gone", one, message, seen, hint)),))


def _restricted(one: Difference, release: str, _seen: Sequence[Mention], touch: Touch) -> Judged:
    if not touch.writes:
        words = f"{one.what}: no test of release {release} writes to {one.relation}"
        return Judged(unknown=(f"{words}, so whether its writers keep to it is not known",))
    if not one.unique:
        return Judged()
    message = f"{one.what}; whether the rows in production do is not known here"
    hint = f"count those that do not, on a copy of production's {one.relation}"
    return Judged((_warning(_error("rows", one, message, (), hint)),))


_RULES: dict[Verb, Callable[[Difference, str, Sequence[Mention], Touch], Judged]] = {
    Verb.GONE: _gone,
    Verb.REQUIRED: _required,
    Verb.RESTRICTED: _restricted,
    Verb.NARROWED: _typed,
    Verb.CHANGED: _typed,
    Verb.LABELS: _labels,
}
