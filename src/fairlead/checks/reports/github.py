"""Annotations of a change on GitHub, by workflow commands.

Format and escaping: GitHub's "Workflow commands for GitHub Actions", and ``@actions/core``'s
``command.ts``. A step shows 10 annotations of each level; what is over that is counted.
"""

import re
from collections.abc import Iterator

from fairlead.checks.model import Level, Verdict
from fairlead.checks.reports.points import Point, points

SHOWN = 10
"""How many annotations of one level GitHub shows of a step."""

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}
# The runner takes "::command" at a line's start and "##[command" anywhere in it.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)")


def annotations(verdict: Verdict) -> str:
    """The verdict's points as workflow commands, one a line; "" for none."""
    every = points(verdict)
    lines = [line for level in Level for line in _of([p for p in every if p.level is level])]
    return "".join(f"{line}\n" for line in lines)


def harmless(line: str) -> str:
    """A line of a check's output that the runner does not take for a command.

    What a check prints is written by whoever wrote the commit, and a command could hide what
    follows (``::add-mask::``, ``::stop-commands::``) or annotate as if it were us.
    """
    return _COMMAND.sub(lambda found: f"{found[1] or ''}{found[0].strip()} ", line)


def _of(found: list[Point]) -> Iterator[str]:
    shown = found if len(found) <= SHOWN else found[: SHOWN - 1]
    yield from map(_command, shown)
    if len(found) > len(shown):
        left = len(found) - len(shown)
        yield f"::{_COMMANDS[found[0].level]} title=fairlead::and {left} more: see the output"


def _command(point: Point) -> str:
    line = f",line={point.line}" if point.line else ""
    title = _escaped(f"{point.check}: {point.rule}", _PROPERTY)
    where = f"file={_escaped(point.path, _PROPERTY)}{line},title={title}"
    return f"::{_COMMANDS[point.level]} {where}::{_escaped(point.sentence, _DATA)}"


def _escaped(text: str, by: dict[str, str]) -> str:
    return "".join(by.get(character, character) for character in text)
