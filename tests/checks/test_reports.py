"""A verdict in other tools' forms: valid there, and never kinder than the verdict is."""

import json
import re
from datetime import datetime
from urllib.parse import unquote
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.base.ids import CommitId
from fairlead.base.text import printable
from fairlead.checks.model import Answer, CheckResult, Earlier, Finding, Level, Verdict
from fairlead.checks.reports import Form, for_ci, harmless, render
from fairlead.checks.reports.github import SHOWN
from fairlead.checks.reports.points import points

COMMIT = CommitId("3f" * 20)
AT = "2026-11-21T10:00:00.000000Z"
FINDING = Finding("lint.output", "x is bad", Level.ERROR, "src/a b.py", 12, hint="ruff check --fix")
RESULTS = (
    CheckResult(
        "lint", Answer.FAILED, "exit 1", 1500, "/logs/lint.log", at=AT, findings=(FINDING,)
    ),
    CheckResult("types", Answer.FAILED, "exit 2", 10),
    CheckResult("tests", Answer.NOT_KNOWN, "not ended after 600 s, its limit", 600_000),
    CheckResult("texts", Answer.NOT_APPLICABLE, "no catalog in the tree", 5),
    CheckResult("units", Answer.PASSED, "exit 0", 20, flaky=True),
    CheckResult("docs", Answer.PASSED, "exit 0", earlier=Earlier(CommitId("ab" * 20), AT)),
    CheckResult("plain", Answer.PASSED, "exit 0", 30),
)


def verdict(*results: CheckResult) -> Verdict:
    return Verdict("shop", COMMIT, "4a" * 20, results)


MIXED = verdict(*RESULTS)


def cases(found: Verdict) -> dict[str, ElementTree.Element]:
    suite = ElementTree.fromstring(render(found, Form.JUNIT)).find("testsuite")
    assert suite is not None
    return {case.attrib["name"]: case for case in suite.iter("testcase")}


def kinds(case: ElementTree.Element) -> list[str]:
    return [child.tag for child in case]


def test_junit_calls_not_known_an_error_and_only_not_applicable_skipped() -> None:
    """No answer is an error, never a skipped case, which counts as fine."""
    found = {name: kinds(case) for name, case in cases(MIXED).items()}
    assert found["tests"] == ["error"]
    assert found["lint"] == found["types"] == ["failure"]
    assert found["texts"] == ["skipped"]
    assert found["plain"] == []


def test_junit_counts_what_it_holds() -> None:
    """The totals of the suite and of the whole are those of the cases."""
    root = ElementTree.fromstring(render(MIXED, Form.JUNIT))
    for element in (root, root[0]):
        counted = [element.attrib[name] for name in ("tests", "failures", "errors", "skipped")]
        assert counted == ["7", "2", "1", "1"]
        assert element.attrib["time"] == "601.565"
    assert datetime.fromisoformat(root[0].attrib["timestamp"]).tzinfo is None  # xs:dateTime there


def test_junit_has_the_elements_of_surefire_and_jenkins_in_their_order() -> None:
    """Only elements and attributes that those schemas have; one answer to a case."""
    root = ElementTree.fromstring(render(MIXED, Form.JUNIT))
    assert (root.tag, [child.tag for child in root]) == ("testsuites", ["testsuite"])
    assert root[0][0].tag == "properties"
    assert {child.tag for child in root[0][1:]} == {"testcase"}
    for case in root[0][1:]:
        assert set(case.attrib) == {"classname", "name", "time"}
        assert kinds(case) in ([], ["failure"], ["error"], ["skipped"], ["system-out"])


def test_junit_names_the_place_the_next_command_and_the_log() -> None:
    """A failure's text holds file, line, sentence, hint and where the whole output is."""
    failure = cases(MIXED)["lint"][0]
    assert failure.attrib == {"message": "exit 1", "type": "failed"}
    assert failure.text is not None
    assert "src/a b.py:12: error: x is bad [lint.output]\n  next: ruff check --fix" in failure.text
    assert "/logs/lint.log" in failure.text


def sarif(found: Verdict) -> dict:
    log = json.loads(render(found, Form.SARIF))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run


def test_sarif_says_that_an_unanswered_check_did_not_run_to_its_end() -> None:
    """Not known is an invocation without success, with a notification, and an error besides."""
    run = sarif(MIXED)
    by_name = {one["properties"]["check"]: one for one in run["invocations"]}
    assert [name for name, one in by_name.items() if not one["executionSuccessful"]] == ["tests"]
    (told,) = by_name["tests"]["toolExecutionNotifications"]
    assert told["level"] == "error"
    assert "600 s" in told["message"]["text"]
    assert "tests.not-known" in {one["ruleId"] for one in run["results"] if one["level"] == "error"}


def test_sarif_results_are_as_the_standard_wants_them() -> None:
    """Rules by id and index (3.27.6), URIs that are encoded (3.4.3), lines from 1 (3.30.5)."""
    run = sarif(MIXED)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert place.get("region", {"startLine": 1})["startLine"] >= 1
    first = run["results"][0]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"]["uri"] == "src/a%20b.py"
    assert unquote(first["artifactLocation"]["uri"]) == FINDING.path


def test_gitlab_issues_are_whole_and_each_has_a_fingerprint_of_its_own() -> None:
    """GitLab drops an issue without file or line, and the second of one fingerprint."""
    twice = CheckResult("lint", Answer.FAILED, "exit 1", findings=(FINDING, FINDING))
    issues = json.loads(render(verdict(twice, *RESULTS[1:]), Form.GITLAB))
    prints = [issue["fingerprint"] for issue in issues]
    assert len(set(prints)) == len(prints) == 5
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1
    severe = {issue["check_name"]: issue["severity"] for issue in issues}
    assert severe["tests.not-known"] == "blocker"


def test_a_fingerprint_stays_while_lines_move() -> None:
    """The same finding three lines further down is the same finding."""
    moved = msgspec.structs.replace(FINDING, line=15)
    each = [
        verdict(CheckResult("lint", Answer.FAILED, "", findings=(f,))) for f in (FINDING, moved)
    ]
    assert points(each[0])[0].fingerprint == points(each[1])[0].fingerprint


COMMAND = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:]*)(?:,\w+=[^,:]*)*)::(.*)")


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Commands as the runner reads them (actions/runner, ActionCommand.cs)."""
    found = []
    for line in text.splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = dict(pair.split("=", 1) for pair in match[2].split(","))
        found.append((match[1], {k: unquote(v) for k, v in pairs.items()}, unquote(match[3])))
    return found


def test_github_is_told_place_and_sentence() -> None:
    """An annotation has file, line and title; a whole check's stands at the manifest."""
    found = commands(render(MIXED, Form.GITHUB))
    assert found[0] == (
        "error",
        {"file": "src/a b.py", "line": "12", "title": "lint: lint.output"},
        "x is bad (next: ruff check --fix)",
    )
    assert [(level, pairs["title"]) for level, pairs, _ in found[1:]] == [
        ("error", "types: types.failed"),
        ("error", "tests: tests.not-known"),
        ("warning", "units: units.flaky"),
    ]


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
@example("a,b:c%0A.py", "100%25\r\n::error::x, y: z")
def test_github_reads_back_what_was_written(path: str, message: str) -> None:
    """Escaping loses nothing and lets nothing out, whatever a path and a sentence hold."""
    finding = Finding("r", message, Level.ERROR, path, 3)
    text = render(verdict(CheckResult("lint", Answer.FAILED, "", findings=(finding,))), Form.GITHUB)
    (line,) = text.removesuffix("\n").split("\n")
    match = re.fullmatch(r"::error file=([^,:]*),line=3,title=lint%3A r::(.*)", line, re.DOTALL)
    assert match
    assert unquote(match[1], errors="surrogatepass") == path
    assert unquote(match[2]) == printable(message)


def test_what_is_not_known_is_said_beside_what_was_found() -> None:
    """Findings of a check that did not end do not stand for its answer."""
    half = CheckResult("lint", Answer.NOT_KNOWN, "killed from outside", findings=(FINDING,))
    assert [point.rule for point in points(verdict(half))] == ["lint.output", "lint.not-known"]


def test_github_is_sent_no_more_than_it_shows_and_each_check_once_before_any_twice() -> None:
    """A thousand findings of one check do not hide the only one of another, and are counted."""
    many = tuple(msgspec.structs.replace(FINDING, line=n) for n in range(1, 1001))
    flood = CheckResult("lint", Answer.FAILED, "exit 1", findings=many)
    found = commands(render(verdict(flood, *RESULTS[1:]), Form.GITHUB))
    errors = [sentence for level, _, sentence in found if level == "error"]
    assert len(errors) == SHOWN
    assert any("tests: not known" in sentence for sentence in errors)
    assert errors[-1] == "and 993 more: see the output"


TEXT = st.text(max_size=40) | st.sampled_from(
    ["::error::x", "a,b:c%0A", "]]>", "<b>", "\x00\x1b[2J"]
)
RESULT = st.builds(
    CheckResult,
    st.sampled_from(["a", "b"]),
    st.sampled_from(Answer),
    TEXT,
    flaky=st.booleans(),
    findings=st.lists(
        st.builds(Finding, TEXT, TEXT, st.sampled_from(Level), TEXT, st.integers(0, 9), TEXT, TEXT),
        max_size=3,
    ).map(tuple),
)


@given(st.lists(RESULT, max_size=4))
def test_whatever_a_change_says_every_form_can_be_read_and_keeps_the_answer(
    results: list[CheckResult],
) -> None:
    """Hostile texts break no form, and no form is without an error where the gate is shut."""
    found = verdict(*results)
    shut = found.answer is not Answer.PASSED
    root = ElementTree.fromstring(render(found, Form.JUNIT).encode())
    assert (int(root.attrib["failures"]) + int(root.attrib["errors"]) > 0) == shut
    assert any(one["level"] == "error" for one in sarif(found)["results"]) == shut
    issues = json.loads(render(found, Form.GITLAB))
    assert any(one["severity"] in ("major", "blocker") for one in issues) == shut
    lines = render(found, Form.GITHUB).split("\n")
    assert all(re.match(r"::(error|warning|notice) ", line) for line in lines[:-1])
    assert any(line.startswith("::error ") for line in lines) == shut
    assert str(found.answer) in render(found, Form.MARKDOWN).splitlines()[0]


def test_markdown_shows_how_answers_came_about() -> None:
    """Flaky, an earlier verdict and the reason are in the row of their check."""
    text = render(MIXED, Form.MARKDOWN)
    rows = {row.split("`")[1]: row for row in text.splitlines() if row.startswith("| `")}
    assert "**flaky**" in rows["units"]
    assert f"`{'ab' * 6}`" in rows["docs"]
    assert "❔ not known" in rows["tests"]
    assert "no catalog in the tree" in rows["texts"]
    assert "`src/a b.py:12`" in text


def test_markdown_lets_a_change_neither_mention_nor_link_nor_leave_its_cell() -> None:
    """What a commit says stands as code; its own backquotes, bars and line ends are taken."""
    reason = "`@all` ![x](https://evil.example/p.png)\n/close | <img src=x>"
    text = render(verdict(CheckResult("lint", Answer.FAILED, reason)), Form.MARKDOWN)
    outside = re.sub(r"`[^`\n]*`", "", text)
    for piece in ("@", "evil", "<img", "/close"):
        assert piece not in outside
        assert piece in text
    row = next(line for line in text.splitlines() if line.startswith("| `lint`"))
    assert row.count("|") == 5


@pytest.mark.parametrize(
    "line", ["::add-mask::x", "  ::stop-commands::x", "x ##[error]y", "::::", "##[group]"]
)
def test_a_checks_line_is_no_command_to_the_runner(line: str) -> None:
    """Neither form of a command gets through; the words stay readable."""
    shown = harmless(line)
    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown
    assert shown.replace(" ", "") == line.replace(" ", "")


@pytest.mark.parametrize("line", ["a::b", "std::string x", "# heading", "#[derive]", "x :: y"])
def test_other_lines_stay_as_they_are(line: str) -> None:
    """Only what the runner would take is touched."""
    assert harmless(line) == line


def test_each_hosted_ci_is_told_by_its_own_variables() -> None:
    """Forgejo, which calls itself GitHub too, is not taken for it; a laptop is none."""
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "/run/summary"}
    found = for_ci(github)
    assert found is not None
    assert (found.name, found.log, found.commands) == ("github", Form.GITHUB, True)
    assert [(f.form, f.path, f.add) for f in found.files] == [(Form.MARKDOWN, "/run/summary", True)]
    forgejo = for_ci({**github, "FORGEJO_ACTIONS": "true"})
    assert forgejo is not None
    assert (forgejo.name, forgejo.log, forgejo.commands) == ("forgejo", None, True)
    gitlab = for_ci({"GITLAB_CI": "true"})
    assert gitlab is not None
    assert [f.form for f in gitlab.files] == [Form.JUNIT, Form.GITLAB]
    bitbucket = for_ci({"BITBUCKET_BUILD_NUMBER": "12"})
    assert bitbucket is not None
    assert [f.path for f in bitbucket.files] == ["test-results/fairlead.xml"]
    assert for_ci({"CI": "true"}) is None


def test_no_checks_at_all_is_said() -> None:
    """A verdict without checks is passed, and says that nothing was asked."""
    none = verdict()
    assert "nothing was asked" in render(none, Form.MARKDOWN)
    assert ElementTree.fromstring(render(none, Form.JUNIT)).attrib["tests"] == "0"
    assert render(none, Form.GITHUB) == ""
    assert json.loads(render(none, Form.GITLAB)) == []


def test_a_failure_ends_with_the_file_the_line_and_the_next_command() -> None:
    """The finding's own hint, or the command that shows the check's output."""
    lines = render(MIXED, Form.PLAIN).splitlines()
    assert lines[:2] == [
        "src/a b.py:12: error: x is bad [lint.output]",
        "  next: ruff check --fix",
    ]
    unanswered = lines.index("tests: not known: not ended after 600 s, its limit")
    assert lines[unanswered + 1] == "  next: fairlead logs shop --check tests 3f3f3f3f3f3f"
    assert render(verdict(RESULTS[-1]), Form.PLAIN) == ""


def test_a_flood_of_findings_is_counted_and_not_printed() -> None:
    """What a person would not read is a number."""
    many = tuple(msgspec.structs.replace(FINDING, line=n, hint="") for n in range(1, 101))
    text = render(verdict(CheckResult("lint", Answer.FAILED, "exit 1", findings=many)), Form.PLAIN)
    assert len(text.splitlines()) == 41
    assert text.endswith("and 80 more: fairlead verify --json has them all\n")
