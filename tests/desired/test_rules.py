"""What the history means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.ids import Place
from fairlead.desired import rules
from fairlead.desired.ports import Commit

PLACE = Place("shop", "staging")
NUMBERS = st.lists(st.integers(0, 6), min_size=1, max_size=12)


def commit(message: str, *, ours: bool = True) -> Commit:
    return Commit("0" * 40, "ada", ours, message, 0, b"")


@pytest.mark.parametrize(
    ("oldest_first", "proven", "rollback", "back"),
    [
        ([1], {1}, 0, 0),
        ([1, 2, 3], {1, 2, 3}, 2, 2),
        ([1, 2, 3, 2], {1, 2, 3}, 1, 3),
        ([1, 2, 3], {1, 3}, 1, 1),
        ([1, 2, 1, 3], {1, 2, 3}, 1, 1),
        ([1, 0, 2], {1, 2}, 1, 1),
        ([3, 1], {1, 3}, 3, 3),
        ([1, 2], set(), 0, 0),
    ],
)
def test_where_to_go_back_to(
    oldest_first: list[int], proven: set[int], rollback: int, back: int
) -> None:
    """A person goes further back each time; a failure returns to what served."""
    newest_first = oldest_first[::-1]
    assert rules.rollback_target(newest_first, frozenset(proven)) == rollback
    assert rules.return_target(newest_first, frozenset(proven)) == back


@given(NUMBERS, st.frozensets(st.integers(1, 6)))
def test_a_target_is_good_was_desired_and_is_not_the_present(
    numbers: list[int], proven: frozenset[int]
) -> None:
    """Whatever the history."""
    for choose in (rules.rollback_target, rules.return_target):
        target = choose(numbers, proven)
        assert target == 0 or (target in proven & set(numbers) and target != numbers[0])


@given(NUMBERS, st.frozensets(st.integers(1, 6)))
def test_going_back_ends(numbers: list[int], proven: frozenset[int]) -> None:
    """Each rollback leaves fewer places to go back to: no to and fro."""
    history, seen = list(numbers), {numbers[0]}
    while target := rules.rollback_target(history, proven):
        assert target not in seen
        seen.add(target)
        history.insert(0, target)


@given(st.text(), st.sampled_from(["release", "promote", "settings", "rollback", "return"]))
def test_a_message_tells_how_and_why(why: str, how: str) -> None:
    """Any why, and how is what was written."""
    message = rules.message(PLACE, "release 2", how, why)
    assert rules.story(commit(message), 2, 1) == (how, rules.one_line(why))


@given(st.text())
def test_one_line_is_printable(text: str) -> None:
    """Nothing in it moves a cursor, ends a line or breaks an encoder."""
    line = rules.one_line(text)
    assert "\n" not in line
    assert "\x1b" not in line
    line.encode()


def test_a_trailer_by_hand_decides_nothing() -> None:
    """A person's commit is judged by what it did."""
    message = rules.message(PLACE, "release 1", "promote", "")
    assert rules.story(commit(message, ours=False), 1, 2)[0] == "rollback"
    assert rules.story(commit(message, ours=False), 2, 1)[0] == "release"
