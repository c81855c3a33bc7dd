"""A verdict as JUnit XML, in the shape that Surefire writes and Jenkins, GitLab and Bitbucket read.

One test case per check. Not known is an ``error``, failed a ``failure``; not applicable is
``skipped``, with the rule that says so, and nothing else is: a skipped case counts as fine.
"""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # writes only

from fairlead.checks.model import Answer, CheckResult, Finding, Verdict
from fairlead.checks.reports.points import count, told

# XML 1.0, 2.2: the characters that no document may hold, not even as a reference.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    Answer.FAILED: "failure",
    Answer.NOT_KNOWN: "error",
    Answer.NOT_APPLICABLE: "skipped",
}


def junit(verdict: Verdict) -> str:
    """The report, as XML."""
    totals = {
        "tests": str(len(verdict.results)),
        "failures": str(count(verdict, Answer.FAILED)),
        "errors": str(count(verdict, Answer.NOT_KNOWN)),
        "skipped": str(count(verdict, Answer.NOT_APPLICABLE)),
        "time": _seconds(sum(result.milliseconds for result in verdict.results)),
    }
    root = Element("testsuites", {"name": "fairlead", **totals})
    suite = SubElement(root, "testsuite", {"name": f"fairlead.{verdict.app}", **totals})
    began = min((result.at for result in verdict.results if result.at), default="")
    if began:
        suite.set("timestamp", began[:19])
    properties = SubElement(suite, "properties")
    for name, value in _said(verdict):
        SubElement(properties, "property", {"name": name, "value": _plain(value)})
    for result in verdict.results:
        _case(suite, verdict, result)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _said(verdict: Verdict) -> list[tuple[str, str]]:
    found = [("commit", verdict.commit), ("tree", verdict.tree), ("answer", str(verdict.answer))]
    return [*found, ("overlay", verdict.overlay)] if verdict.overlay else found


def _case(suite: Element, verdict: Verdict, result: CheckResult) -> None:
    named = {"classname": f"fairlead.{verdict.app}", "name": result.name}
    case = SubElement(suite, "testcase", {**named, "time": _seconds(result.milliseconds)})
    element = _ELEMENTS.get(result.answer)
    if element:
        answer = SubElement(case, element, {"message": _plain(result.reason)})
        if element != "skipped":
            answer.set("type", str(result.answer))
            answer.text = _plain(_text(result))
    if result.flaky or result.earlier or (result.findings and result.answer.opens):
        SubElement(case, "system-out").text = _plain(_text(result))


def _text(result: CheckResult) -> str:
    lines = [told(result), *map(_line, result.findings)]
    return "\n".join([*lines, f"its whole output: {result.log}"] if result.log else lines)


def _line(finding: Finding) -> str:
    line = f":{finding.line}" if finding.line else ""
    where = f"{finding.path}{line}: " if finding.path else ""
    hint = f"\n  next: {finding.hint}" if finding.hint else ""
    return f"{where}{finding.level}: {finding.message} [{finding.rule}]{hint}"


def _plain(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
