"""How traffic is divided, for every proxy that has slots."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.drivers._slots import prefix, slots
from fairlead.plan.model import CopyId
from fairlead.rollout.ports import Upstream


@given(st.lists(st.integers(0, 10_000), max_size=120))
def test_every_share_gets_its_slots(shares: list[int]) -> None:
    """All hundred are given out when anybody has a share, to everybody who has one."""
    ups = [Upstream(CopyId(1, "web", n), str(n), share) for n, share in enumerate(shares)]
    given_out = Counter(slots(ups))
    served = [n for n, share in enumerate(shares) if share][:100]
    assert set(given_out) == {str(n) for n in served}
    assert sum(given_out.values()) == (100 if served else 0)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({}, {}),
        ({"a": 0}, {}),
        ({"a": 1}, {"a": 100}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
        ({"a": 999, "b": 1}, {"a": 99, "b": 1}),
        ({"a": 30, "b": 30, "c": 30, "d": 10}, {"a": 30, "b": 30, "c": 30, "d": 10}),
    ],
)
def test_slots_follow_shares(shares: dict[str, int], expected: dict[str, int]) -> None:
    """All hundred are given out, and nobody with a share gets none."""
    upstreams = tuple(
        Upstream(CopyId(1, "web", 1), address, share) for address, share in shares.items()
    )
    assert Counter(slots(upstreams)) == expected


def test_slots_are_mixed() -> None:
    """Two copies take turns, so that a request that finds one dead finds the other next."""
    upstreams = tuple(Upstream(CopyId(1, "web", n), f"{n}", 1) for n in (1, 2))
    assert slots(upstreams) == ("1", "2") * 50


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ""),
        ("", ""),
        ("/api", "/api"),
        ("/api/", "/api"),
        ("/api/*", "/api"),
        ("static/", "/static"),
    ],
)
def test_a_path_as_a_prefix(path: str, expected: str) -> None:
    """However a person writes it."""
    assert prefix(path) == expected
