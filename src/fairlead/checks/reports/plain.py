"""What a person reads last on a terminal: the file, the line, and the next command."""

from collections.abc import Iterator

from fairlead.base.text import printable
from fairlead.checks.model import Level, Verdict
from fairlead.checks.reports.points import Point, points
from fairlead.manifest.rules import FILE

SHOWN = 20


def plain(verdict: Verdict) -> str:
    """The heaviest points, each with what to do next; "" where there is nothing to look at.

    The form ``file:line: level: sentence`` is the one editors jump by (GNU Coding Standards,
    "Formatting Error Messages").
    """
    every = points(verdict)
    lines = [line for point in every[:SHOWN] for line in _lines(verdict, point)]
    if len(every) > SHOWN:
        lines.append(f"and {len(every) - SHOWN} more: fairlead verify --json has them all")
    return "".join(f"{printable(line)}\n" for line in lines)


def _lines(verdict: Verdict, point: Point) -> Iterator[str]:
    if point.path == FILE and not point.line:
        yield point.message  # it names its check
    else:
        where = f"{point.path}:{point.line}" if point.line else point.path
        yield f"{where}: {point.level}: {point.message} [{point.rule}]"
    logs = f"fairlead logs {verdict.app} --check {point.check} {verdict.commit[:12]}"
    if point.hint or point.level is Level.ERROR:
        yield f"  next: {point.hint or logs}"
