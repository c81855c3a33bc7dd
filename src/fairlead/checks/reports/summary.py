"""A verdict as a short text in Markdown: a step's summary, or a comment on a change.

What the change says itself (reasons, messages, paths) stands as code, so that it cannot mention
a person, link, show a picture or close the table (GitHub Flavored Markdown 0.29, 4.10 and 6.3).
"""

from collections.abc import Iterator

from fairlead.base.text import printable
from fairlead.checks.model import Answer, CheckResult, Verdict
from fairlead.checks.reports.points import Point, count, points

MOST_POINTS = 20
LONGEST = 300
"""How many characters of one sentence are shown."""

_SIGNS = {
    Answer.PASSED: "✅",
    Answer.FAILED: "❌",
    Answer.NOT_KNOWN: "❔",
    Answer.NOT_APPLICABLE: "➖",
}


def summary(verdict: Verdict) -> str:
    """The answers in a table, and under it the heaviest points."""
    return "\n".join([*_head(verdict), *_table(verdict), *_points(verdict)]) + "\n"


def _head(verdict: Verdict) -> Iterator[str]:
    said = ", ".join(f"{n} {answer}" for answer in Answer if (n := count(verdict, answer)))
    title = f"### {_SIGNS[verdict.answer]} fairlead verify: {verdict.answer}"
    yield f"{title}\n\n{_code(verdict.app)} at {_code(verdict.commit[:12])}"
    yield f"\n{said or 'the manifest has no checks, so nothing was asked'}"


def _table(verdict: Verdict) -> Iterator[str]:
    if not verdict.results:
        return
    yield "\n| check | answer | why | seconds |\n|---|---|---|---|"
    yield from map(_row, verdict.results)


def _row(result: CheckResult) -> str:
    answer = f"{_SIGNS[result.answer]} {result.answer}{', **flaky**' if result.flaky else ''}"
    if result.earlier:
        answer += f", as for {_code(result.earlier.commit[:12])} at {_code(result.earlier.at)}"
    seconds = "" if result.earlier else f"{result.milliseconds / 1000:.1f}"
    return f"| {_code(result.name)} | {answer} | {_code(result.reason)} | {seconds} |"


def _points(verdict: Verdict) -> Iterator[str]:
    every = points(verdict)
    if every:
        yield ""
    yield from map(_item, every[:MOST_POINTS])
    if len(every) > MOST_POINTS:
        yield f"- and {len(every) - MOST_POINTS} more: see the output"


def _item(point: Point) -> str:
    where = _code(f"{point.path}:{point.line}" if point.line else point.path)
    return f"- {point.level} {where} {_code(point.sentence)} ({_code(point.rule)})"


def _code(text: str) -> str:
    plain = printable(text.replace("\n", " ")).replace("`", "'").replace("|", "¦").strip()
    return f"`{plain if len(plain) <= LONGEST else plain[:LONGEST] + ' …'}`" if plain else ""
