"""A verdict as a Code Quality report of GitLab, which shows it in the change's diff.

Format: GitLab's "Code Quality report format": an array of issues. An issue needs a file, a line
and a fingerprint of its own: of two with one fingerprint only the first is shown.
"""

import json
from collections import Counter
from typing import Any

from fairlead.checks.model import Level, Verdict
from fairlead.checks.reports.points import Point, points

_SEVERITIES = {Level.ERROR: "major", Level.WARNING: "minor", Level.NOTE: "info"}


def code_quality(verdict: Verdict) -> str:
    """The report, as JSON. What has no line stands at its file's first."""
    seen: Counter[str] = Counter()
    issues = []
    for point in points(verdict):
        issues.append(_issue(point, seen[point.fingerprint]))
        seen[point.fingerprint] += 1
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"


def _issue(point: Point, again: int) -> dict[str, Any]:
    return {
        "description": point.sentence,
        "check_name": point.rule,
        "fingerprint": f"{point.fingerprint}-{again}" if again else point.fingerprint,
        "severity": "blocker" if not point.known else _SEVERITIES[point.level],
        "location": {"path": point.path, "lines": {"begin": point.line or 1}},
    }
