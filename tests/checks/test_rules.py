"""What an exit means, and what a command gets to see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.errors import UsageError
from fairlead.checks import rules
from fairlead.checks.model import Answer, CheckResult, Surroundings
from fairlead.checks.ports import Exit
from fairlead.manifest.model import Check

CHECK = Check("tests", "pytest", not_known_exits=(75,), limit=60)

ANSWERS = [
    (Exit(code=0), Answer.PASSED, "exit 0"),
    (Exit(code=1), Answer.FAILED, "exit 1"),
    (Exit(code=75), Answer.NOT_KNOWN, "exit 75, which this check calls not known"),
    (Exit(code=127), Answer.NOT_KNOWN, "not found"),
    (Exit(code=126), Answer.NOT_KNOWN, "cannot be run"),
    (Exit(started=False, detail="No such file"), Answer.NOT_KNOWN, "could not be started"),
    (Exit(timed_out=True), Answer.NOT_KNOWN, "not ended after 60 s, its limit"),
    (Exit(timed_out=True, signal=15), Answer.NOT_KNOWN, "not ended after 60 s"),
    (Exit(lost=True, detail="gone"), Answer.NOT_KNOWN, "nobody can say"),
    (Exit(signal=9), Answer.NOT_KNOWN, "memory runs out"),
    (Exit(code=137), Answer.NOT_KNOWN, "SIGKILL"),
    (Exit(code=143), Answer.NOT_KNOWN, "SIGTERM"),
    (Exit(signal=11), Answer.FAILED, "crashed with SIGSEGV"),
    (Exit(code=134), Answer.FAILED, "crashed with SIGABRT"),
]


@pytest.mark.parametrize(("end", "answer", "reason"), ANSWERS)
def test_an_exit_has_an_answer_and_a_reason(end: Exit, answer: Answer, reason: str) -> None:
    """An answer of the program is passed or failed; anything else is not known."""
    found, why = rules.answer_of(CHECK, end)
    assert found is answer
    assert reason in why


@given(
    st.builds(
        Exit, code=st.integers(0, 255), started=st.booleans(), timed_out=st.booleans(),
        signal=st.integers(0, 64), lost=st.booleans(),
    )
)  # fmt: skip
def test_only_a_command_that_ended_well_passes(end: Exit) -> None:
    """Promise 12: no way to be passed but to run, end by itself and say 0."""
    answer, reason = rules.answer_of(CHECK, end)
    assert (answer is Answer.PASSED) == end.well
    assert reason


def test_a_check_whose_need_is_not_met_is_not_known() -> None:
    """Failed, not known: both close it. Not applicable opens it."""
    check = Check("deploy", "x", needs=("tests",))
    for answer in Answer:
        result = rules.not_asked(check, {"tests": CheckResult("tests", answer, "")}, ())
        if answer.opens:
            assert result is None
        else:
            assert result is not None
            assert result.answer is Answer.NOT_KNOWN
            assert result.reason == f"not asked: it needs tests, which is {answer}"


def test_a_check_for_files_that_are_not_there_does_not_apply() -> None:
    """With the rule that says so."""
    check = Check("js", "x", only=("*.js", "web/**/*.ts"))
    result = rules.not_asked(check, {}, ("a.py", "web.ts"))
    assert result is not None
    assert result.answer is Answer.NOT_APPLICABLE
    assert "*.js" in result.reason
    assert rules.not_asked(check, {}, ("web/a/b.ts",)) is None


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ((Check("a", "x", needs=("b",)), Check("b", "x", needs=("a",))), "circle"),
        ((Check("a", "x", needs=("nobody",)),), "no such check: 'nobody'"),
    ],
)
def test_needs_that_cannot_be_met_are_a_mistake(checks: tuple[Check, ...], said: str) -> None:
    """Told before anything is asked."""
    with pytest.raises(UsageError, match=said):
        rules.order(checks)


def test_the_dependencies_come_first_on_the_paths() -> None:
    """And the system's programs behind them."""
    around = Surroundings("k", "/e", ("/e/bin",), (("VIRTUAL_ENV", "/e"),), (".", "src"))
    found = rules.whole_environment(around, "/t", "/h", "/s")
    assert found["PATH"].startswith("/e/bin:/usr/local/sbin:")
    assert found["PYTHONPATH"] == "/t:/t/src"
    assert (found["HOME"], found["TMPDIR"], found["VIRTUAL_ENV"]) == ("/h", "/s", "/e")
    assert "PYTHONPATH" not in rules.whole_environment(Surroundings(), "/t", "/h", "/s")
