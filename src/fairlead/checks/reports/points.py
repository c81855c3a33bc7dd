"""A verdict as a flat list of things to look at: what every form with places in it is made from.

The heaviest first: where a form shows only so many, the ones that hold the gate shut are shown.
"""

from collections.abc import Iterator

import msgspec

from fairlead.base.canonical import digest
from fairlead.base.text import printable
from fairlead.checks.model import Answer, CheckResult, Finding, Level, Verdict
from fairlead.manifest.rules import FILE

_WEIGHT = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}


class Point(msgspec.Struct, frozen=True):
    """One thing to look at. ``known`` is False where it says that a question has no answer.

    ``line`` counts from 1 (0: not known). A point of the whole check stands at the manifest,
    where the check is declared, and has no line.
    """

    check: str
    rule: str
    message: str
    level: Level
    path: str
    line: int = 0
    subject: str = ""
    hint: str = ""
    known: bool = True

    @property
    def sentence(self) -> str:
        """What was found, and what to do next."""
        return f"{self.message} (next: {self.hint})" if self.hint else self.message

    @property
    def fingerprint(self) -> str:
        """64 hex digits that stay the same while lines move: rule, file, and what it is about."""
        named = [self.check, self.rule, self.path, self.subject or self.message]
        return digest(named).removeprefix("sha256:")


def points(verdict: Verdict) -> tuple[Point, ...]:
    """Every point of a verdict, the heaviest first. Of those that weigh the same the first of
    each check come first, so that a thousand of one check do not hide the only one of another."""
    found = [
        (_WEIGHT[point.level], number > 0, point)
        for result in verdict.results
        for level in Level
        for number, point in enumerate(p for p in _of(result) if p.level is level)
    ]
    return tuple(point for *_, point in sorted(found, key=lambda one: one[:2]))


def _of(result: CheckResult) -> Iterator[Point]:
    closed = not result.answer.opens
    for finding in result.findings:
        yield _found(result, finding, closed)
    told = any(finding.level is Level.ERROR for finding in result.findings)
    if result.answer is Answer.NOT_KNOWN:
        yield _whole(result, "not-known", Level.ERROR, known=False)
    elif result.answer is Answer.FAILED and not told:
        yield _whole(result, "failed", Level.ERROR)
    elif result.flaky:
        yield _whole(result, "flaky", Level.WARNING)


def _found(result: CheckResult, finding: Finding, closed: bool) -> Point:
    # What an open gate was called an error by is shown, and is not what shuts it.
    heavy = finding.level is Level.ERROR and not closed
    return Point(
        result.name,
        finding.rule,
        printable(finding.message),
        Level.WARNING if heavy else finding.level,
        finding.path or FILE,
        finding.line if finding.path else 0,
        finding.subject,
        printable(finding.hint),
    )


def _whole(result: CheckResult, what: str, level: Level, known: bool = True) -> Point:
    rule = f"{result.name}.{what}"
    return Point(result.name, rule, told(result), level, FILE, subject=result.name, known=known)


def told(result: CheckResult) -> str:
    """The answer of a check in one line: what, why, and how it came about."""
    said = f"{result.name}: {result.answer}: {printable(result.reason)}"
    if result.flaky:
        said += "; flaky: it failed, and passed only when asked again"
    if result.earlier:
        said += (
            f"; not asked again: answered for {result.earlier.commit[:12]} at {result.earlier.at}"
        )
    return said


def count(verdict: Verdict, answer: Answer) -> int:
    """How many checks were answered so."""
    return sum(result.answer is answer for result in verdict.results)
