"""When a certificate is due, and how it is said."""

import pytest

from fairlead.certificates.model import Fault, Held
from fairlead.certificates.rules import (
    DAY,
    LONGEST_WAIT,
    renew_at,
    sentence,
    soon,
    try_at,
    why_due,
)

NAMES = ("a.example", "b.example")
HELD = Held(NAMES, 0.0, 90 * DAY, "1")
FAULT = Fault(0.0, 1, "the authority does not answer: connection refused")


@pytest.mark.parametrize(
    ("held", "now", "why"),
    [
        (None, 0.0, "there is none yet"),
        (HELD, 59 * DAY, ""),
        (HELD, 60 * DAY, "it ends in 30 days"),
        (HELD, 91 * DAY, "it ended 1 days ago"),
        (Held(("a.example",), 0.0, 90 * DAY, "1"), 0.0, "there is none for b.example yet"),
        (Held((*NAMES, "c.example"), 0.0, 90 * DAY, "1"), 0.0, ""),
        (Held(NAMES, 0.0, 6 * DAY, "1"), 4.5 * DAY, "it ends in 36 hours"),
    ],
)
def test_it_is_due_when_there_is_none_or_a_third_is_left(held, now, why) -> None:
    """Also of one that holds six days only; names that are gone are no reason."""
    assert why_due(NAMES, held, now) == why


def test_each_wait_is_twice_the_one_before_and_bounded() -> None:
    """Five tries fall into the first hour."""
    waits = [try_at(Fault(1000.0, times, "")) - 1000.0 for times in range(1, 40)]
    assert waits[:5] == [120, 240, 480, 960, 1920]
    assert waits[-1] == LONGEST_WAIT == max(waits)
    assert sum(waits[:4]) < 3600 < sum(waits[:5])
    assert try_at(None) == 0.0


def test_it_ends_soon_when_renewing_has_failed_for_long() -> None:
    """A sixth of its time is left, a third being when it was due."""
    assert not soon(HELD, renew_at(HELD))
    assert soon(HELD, 76 * DAY)


@pytest.mark.parametrize(
    ("held", "fault", "now", "said"),
    [
        (None, None, 0.0, "no certificate yet: plain requests only"),
        (None, FAULT, 0.0, f"no certificate yet: plain requests only; {FAULT.what}"),
        (HELD, None, 0.0, "the certificate holds for 90 days"),
        (HELD, FAULT, 80 * DAY, f"the certificate holds for 10 days; {FAULT.what}"),
        (HELD, None, 80 * DAY, "the certificate holds for 10 days; nobody renewed it"),
        (HELD, FAULT, 95 * DAY, f"the certificate ended 5 days ago; {FAULT.what}"),
        (
            Held(("a.example",), 0.0, 90 * DAY, "1"), FAULT, 0.0,
            f"no certificate yet for b.example; {FAULT.what}",
        ),
    ],
)  # fmt: skip
def test_how_it_stands_is_one_sentence(held, fault, now, said) -> None:
    """What holds, what is missing, and why."""
    assert sentence(NAMES, held, fault, now) == said
