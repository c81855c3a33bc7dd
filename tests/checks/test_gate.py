"""What stands in a gate's way, and what a person let through."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.base.ids import CommitId
from fairlead.checks.gate import closed, judged, told
from fairlead.checks.model import (
    Answer,
    CheckResult,
    Earlier,
    Finding,
    Level,
    Verdict,
    Waiver,
)

TODAY = "2026-11-21"
COMMIT = CommitId("c" * 40)
LINT = CheckResult("lint", Answer.PASSED, "exit 0")
AUDIT = CheckResult(
    "audit",
    Answer.FAILED,
    "2 found",
    findings=(
        Finding("audit.known", "CVE-1", subject="a"),
        Finding("audit.known", "2", subject="b"),
    ),
)
WAIVER = Waiver("audit", "no fix yet", "ada", TODAY)


def verdict(*results: CheckResult) -> Verdict:
    return Verdict("shop", COMMIT, "t" * 40, results)


def waived(result: CheckResult, *waivers: Waiver, today: str = TODAY) -> CheckResult:
    return judged((result,), frozenset(), waivers, today)[0]


def test_a_waiver_holds_until_its_last_day() -> None:
    """The answer stays what it is; the day after, the gate is closed again."""
    result = waived(AUDIT, WAIVER)
    assert (result.answer, result.opens) == (Answer.FAILED, True)
    assert verdict(result, LINT).answer is Answer.PASSED
    assert told(result) == f"failed (waived by ada until {TODAY}: no fix yet)"
    assert not waived(AUDIT, WAIVER, today="2026-11-22").opens
    assert closed(verdict(result), (), TODAY) == ()
    ended = closed(verdict(result), (), "2026-11-22")
    assert ended == (f"audit failed, and its waiver ended on {TODAY}",)


def test_a_waiver_of_a_finding_lets_nothing_else_through() -> None:
    """Every error needs a waiver of its own; warnings and notes need none."""
    one = replace(WAIVER, rule="audit.known", subject="a")
    other = replace(WAIVER, rule="audit.known", subject="b")
    assert not waived(AUDIT, one).opens
    assert waived(AUDIT, one, other).waivers == (one, other)
    assert waived(AUDIT, replace(WAIVER, rule="audit.known")).opens
    assert not waived(AUDIT, replace(WAIVER, rule="audit.other")).opens
    noted = replace(AUDIT, findings=(*AUDIT.findings, Finding("x", "m", level=Level.NOTE)))
    assert waived(noted, one, other).opens


def test_what_is_not_listed_cannot_be_waived_by_rule() -> None:
    """A check whose findings were cut, or that has none, needs a waiver of the whole check."""
    rule = replace(WAIVER, rule="audit.known")
    assert not waived(replace(AUDIT, more=1), rule).opens
    assert not waived(replace(AUDIT, findings=()), rule).opens
    assert waived(replace(AUDIT, more=1), WAIVER).opens


def test_a_policy_names_what_must_pass() -> None:
    """The rest is asked, and stands in nobody's way; what was never asked is not passed."""
    results = judged((LINT, AUDIT), frozenset({"lint"}), (), TODAY)
    assert verdict(*results).answer is Answer.PASSED
    assert closed(verdict(*results), (), TODAY) == ()
    assert closed(verdict(*results), ("lint", "audit"), TODAY) == ("audit failed (2 found)",)
    assert closed(verdict(LINT), ("types",), TODAY) == (f"types was not asked of {COMMIT[:12]}",)


def test_how_an_answer_came_about_is_told() -> None:
    """Flaky is said, and so is an answer of another day."""
    assert told(replace(LINT, flaky=True)) == "passed (flaky)"
    earlier = Earlier(COMMIT, "2026-11-20T10:00:00.000000Z")
    assert told(replace(LINT, earlier=earlier)) == "passed (as of cccccccccccc, 2026-11-20)"


ANSWERS = st.sampled_from(Answer)


@given(st.lists(st.tuples(ANSWERS, st.booleans(), st.booleans()), max_size=6))
def test_no_gate_opens_on_what_nobody_knows(checks: list[tuple[Answer, bool, bool]]) -> None:
    """Passed means: every required check passed, did not apply, or was let through by a person."""
    names = [f"c{n}" for n in range(len(checks))]
    results = [CheckResult(name, a, "") for name, (a, _, _) in zip(names, checks, strict=True)]
    required = frozenset(n for n, (_, _, r) in zip(names, checks, strict=True) if r)
    waivers = [replace(WAIVER, check=n) for n, (_, w, _) in zip(names, checks, strict=True) if w]
    found = verdict(*judged(results, required, waivers, TODAY))
    open_ = all(
        answer.opens or let or (bool(required) and name not in required)
        for name, (answer, let, _) in zip(names, checks, strict=True)
    )
    assert (found.answer is Answer.PASSED) == open_
    assert (closed(found, (), TODAY) == ()) == open_
