"""Parts of a dataclass that are made when they are first asked for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from fairlead.base.later import Later, Part


@dataclass(frozen=True)
class Kit:
    """A whole with a part."""

    name: str
    saw: Part[str] = Part()


class Maker:
    """Counts what it makes; the first ``faults`` times it fails."""

    def __init__(self, faults: int = 0) -> None:
        self.made = 0
        self._faults = faults

    def __call__(self) -> str:
        self.made += 1
        if self.made <= self._faults:
            raise OSError("no wood")
        return f"saw {self.made}"


def test_a_part_is_made_when_it_is_asked_for() -> None:
    """Not before, and once, also in a copy of the whole."""
    make = Maker()
    kit = Kit("a", Later(make))
    assert make.made == 0
    assert kit.saw == "saw 1"
    assert replace(kit, name="b").saw == kit.saw == "saw 1"


def test_a_part_may_be_given() -> None:
    """A value is a value."""
    assert Kit("a", "saw").saw == "saw"
    assert replace(Kit("a", Later(Maker())), saw="mine").saw == "mine"


def test_a_part_must_be_given() -> None:
    """The descriptor is no default."""
    with pytest.raises(TypeError, match="saw"):
        Kit("a")  # type: ignore[call-arg]


def test_a_whole_stays_frozen() -> None:
    """Only its making sets a part."""
    with pytest.raises(FrozenInstanceError):
        Kit("a", "saw").saw = "other"  # type: ignore[misc]


def test_threads_that_ask_at_once_get_one() -> None:
    """Whoever comes first makes it for all."""
    make = Maker()
    kit = Kit("a", Later(make))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: kit.saw, range(64))) == {"saw 1"}


def test_what_could_not_be_made_is_tried_again() -> None:
    """An error is whoever asked's; the next one may be luckier."""
    kit = Kit("a", Later(Maker(faults=1)))
    with pytest.raises(OSError, match="no wood"):
        _ = kit.saw
    assert kit.saw == "saw 2"
