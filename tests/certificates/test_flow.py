"""Keeping certificates, whoever gets them (with real proxies: tests/contracts/https.py)."""

from collections.abc import Sequence

import pytest

from contracts.https import Journal, Shifted
from contracts.proxy import PLACE
from fairlead.base.errors import FairleadError
from fairlead.base.ids import Place
from fairlead.certificates.flow import Keeper, keep
from fairlead.certificates.model import Fault, Held

NAMES = ("a.example",)


class Alone:
    """A source that works by itself, as far as it got."""

    by_itself = True

    def __init__(self) -> None:
        self.one: Held | None = None
        self.why: Fault | None = None

    def held(self, names: Sequence[str]) -> Held | None:
        return self.one

    def fault(self, names: Sequence[str]) -> Fault | None:
        return self.why

    def get(self, names: Sequence[str], now: float) -> Held:
        raise AssertionError


class Refusing:
    """A proxy that does not take what is there."""

    def refresh(self, place: Place) -> bool:
        raise FairleadError("nginx refused")


class Content:
    """A proxy with nothing to do."""

    def refresh(self, place: Place) -> bool:
        return False


@pytest.fixture
def source() -> Alone:
    return Alone()


@pytest.fixture
def keeper(source: Alone) -> Keeper:
    return Keeper(source, Content(), Journal(), Shifted())


def said(keeper: Keeper) -> list[tuple[str, str]]:
    journal = keeper.journal
    assert isinstance(journal, Journal)
    return [(event.outcome.value, event.why) for event in journal.events]


def test_what_a_source_came_to_by_itself_is_written_once(keeper: Keeper, source: Alone) -> None:
    """A failure, another one, and the certificate; what was there at the start is no news."""
    keep(keeper, PLACE, NAMES)
    source.why = Fault(1.0, 1, "no answer")
    for _ in range(2):
        keep(keeper, PLACE, NAMES)
    source.why = Fault(2.0, 2, "not found")
    keep(keeper, PLACE, NAMES)
    source.why, source.one = None, Held(NAMES, 0.0, 9e9, "1")
    for _ in range(2):
        keep(keeper, PLACE, NAMES)
    assert said(keeper) == [("failed", "no answer"), ("failed", "not found"), ("done", "")]


def test_a_certificate_that_was_there_is_no_news(keeper: Keeper, source: Alone) -> None:
    """An agent that starts again writes nothing."""
    source.one = Held(NAMES, 0.0, 9e9, "1")
    keep(keeper, PLACE, NAMES)
    assert said(keeper) == []


def test_a_proxy_that_refuses_is_an_error(source: Alone) -> None:
    """Whoever calls says so, and tries again."""
    with pytest.raises(FairleadError, match="nginx refused"):
        keep(Keeper(source, Refusing(), Journal(), Shifted()), PLACE, NAMES)
