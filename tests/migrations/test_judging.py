"""What the evidence means: passing needs some."""

import pytest

from fairlead.checks.model import Level
from fairlead.migrations import judging
from fairlead.migrations.model import Difference, Mention, TestRun, Touch, Verb

GONE = Difference(Verb.GONE, "t", "a", "column t.a is dropped", ("a",))
CHECK = Difference(Verb.RESTRICTED, "t", "c", "t takes only a > 0", ("a",))
READ, WRITTEN = {"t": Touch("t", 5, 0)}, {"t": Touch("t", 5, 5)}
WEAK, STRONG = (Mention("x.py", 3),), (Mention("x.py", 3, strong=True),)


@pytest.mark.parametrize(
    ("difference", "mentions", "touches", "levels", "unknown"),
    [
        (GONE, (), {}, [], 0),
        (GONE, WEAK, {}, [], 1),
        (GONE, WEAK, READ, [Level.WARNING], 0),
        (GONE, STRONG, READ, [Level.ERROR], 0),
        (CHECK, (), READ, [], 1),
        (CHECK, (), WRITTEN, [], 0),
    ],
)
def test_evidence(difference, mentions, touches, levels, unknown) -> None:
    """What nothing exercised and something names is not known; SQL that names it is an error."""
    judged = judging.differences([difference], "41", lambda _: mentions, touches)
    assert [one.level for one in judged.findings] == levels
    assert len(judged.unknown) == unknown


OK = TestRun(0, {}, 3)


@pytest.mark.parametrize(
    ("before", "after", "errors", "unknown"),
    [
        (OK, OK, 0, 0),
        (OK, TestRun(1, {"a": "", "b": ""}, 3), 2, 0),
        (OK, TestRun(1), 1, 0),
        (TestRun(1, {"a": ""}, 3), TestRun(1, {"a": ""}, 3), 0, 0),
        (TestRun(1, {"a": ""}, 3), TestRun(1, {"a": "", "b": ""}, 3), 1, 0),
        (TestRun(1, {"a": ""}, 3), TestRun(2), 0, 1),
        (TestRun(1), TestRun(1), 0, 1),
        (OK, TestRun(0, {}, 2), 0, 1),
        (TestRun(0, {}, 0), TestRun(0, {}, 0), 0, 1),
        (TestRun(0, {}, 3, unused="use no table"), OK, 0, 1),
        (OK, TestRun(0, {}, 3, unused="use no table"), 0, 1),
        (OK, TestRun(1, {"a": ""}, 3, unused="use no table"), 1, 0),
        (OK, TestRun(0, {}, 3, unknown="were killed"), 0, 1),
    ],
)
def test_only_what_newly_fails_counts(before, after, errors, unknown) -> None:
    """Fewer tests, none, killed ones and those that touch nothing are no pass."""
    judged = judging.tests(
        before, after, "previous-tests", "release 41's tests", "on the new schema"
    )
    assert (len(judged.findings), len(judged.unknown)) == (errors, unknown)
