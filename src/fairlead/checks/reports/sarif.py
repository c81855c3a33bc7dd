"""A verdict in the Static Analysis Results Interchange Format (SARIF 2.1.0, OASIS standard).

Each check is an invocation (3.20): what is not known is one that was not successful, with a
notification that says why, besides its result. How an answer came about is in its properties.
"""

import json
from typing import Any
from urllib.parse import quote

from fairlead import __version__
from fairlead.checks.model import Answer, CheckResult, Verdict
from fairlead.checks.reports.points import Point, points, told

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def sarif(verdict: Verdict) -> str:
    """The log, as JSON: one run with every point of the verdict."""
    every = points(verdict)
    rules = sorted({point.rule for point in every})
    index = {rule: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "Fairlead",
                "version": __version__,
                "rules": [{"id": rule} for rule in rules],
            }
        },
        "automationDetails": {"id": f"fairlead/{verdict.app}/"},
        "invocations": [_invocation(result) for result in verdict.results],
        "originalUriBaseIds": {
            "TREE": {"description": {"text": f"the tree of commit {verdict.commit}"}}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(point, index[point.rule]) for point in every],
        "properties": {
            "answer": verdict.answer,
            "commit": verdict.commit,
            "tree": verdict.tree,
            **({"overlay": verdict.overlay} if verdict.overlay else {}),
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _invocation(result: CheckResult) -> dict[str, Any]:
    known = result.answer is not Answer.NOT_KNOWN
    found: dict[str, Any] = {"executionSuccessful": known, "properties": _came_about(result)}
    if result.at:
        found["startTimeUtc"] = result.at
    if not known:
        found["toolExecutionNotifications"] = [
            {"level": "error", "message": {"text": told(result)}}
        ]
    return found


def _came_about(result: CheckResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "check": result.name,
        "answer": result.answer,
        "reason": result.reason,
        "milliseconds": result.milliseconds,
    }
    if result.flaky:
        found["flaky"] = True
    if result.earlier:
        found["earlier"] = {"commit": result.earlier.commit, "at": result.earlier.at}
    if result.key:
        found["key"] = result.key
    return found


def _result(point: Point, index: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(point.path), "uriBaseId": "TREE"}}
    if point.line:
        place["region"] = {"startLine": point.line}
    return {
        "ruleId": point.rule,
        "ruleIndex": index,
        "level": point.level,
        "message": {"text": point.sentence},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"fairlead/v1": point.fingerprint},
        "properties": {
            "check": point.check,
            **({"subject": point.subject} if point.subject else {}),
        },
    }
