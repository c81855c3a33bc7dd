"""``secrets.sealed``: its form, and what is not believed."""

from pathlib import Path

import pytest

from cabinets import EMPTY, cabinet, sealed
from fairlead.base.errors import NotFound, Refused, UsageError
from fairlead.secrets import rules
from fairlead.secrets.model import Kept, SealedFile, Version

CASE = Path(__file__).parents[1] / "cases" / "deploy_repo" / "secrets.sealed"
ONE = Version(1, "ab", "AAAA", "2026-11-21T15:42:03.000000Z", "ada")


def test_the_file_is_written_as_the_golden_one() -> None:
    """Names, versions, who and when can be read and reviewed; a change is a line of a diff."""
    two = Version(2, "cd", "BBBB", "2026-11-22T15:42:03.000000Z", "bo")
    file = SealedFile(1, {"KEY": Kept(2, (ONE, two)), "GONE": Kept(0, (ONE,))})
    assert rules.text(file) == CASE.read_bytes()
    assert rules.parse(CASE.read_bytes(), "x") == file


def test_no_file_is_no_secret() -> None:
    """A place without one has none."""
    assert rules.parse(None, "x") == EMPTY


@pytest.mark.parametrize(
    "kept",
    [
        Kept(2, (ONE,)),
        Kept(1, (ONE, ONE)),
        Kept(-1, (ONE,)),
        Kept(0, (Version(0, "", "", "", ""),)),
    ],
)
def test_numbers_that_are_not_in_order_are_refused(kept: Kept) -> None:
    """A merge that went wrong, or an edit: what is current must be one of what there is."""
    with pytest.raises(Refused, match="not in order"):
        rules.parse(rules.text(SealedFile(1, {"KEY": kept})), "x")


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"format":1,"secrets":{"K":3}}', b'{"format":2}', b"\xff"]
)
def test_what_is_not_of_the_form_names_the_file(data: bytes) -> None:
    """And a newer format is not guessed at."""
    with pytest.raises(UsageError, match=r"apps/a/b/secrets\.sealed"):
        rules.parse(data, "apps/a/b/secrets.sealed")


def test_unsetting_what_is_not_set_names_what_is(tmp_path: Path) -> None:
    """The hint lists the secrets there are."""
    with pytest.raises(NotFound) as caught:
        rules.without(sealed(cabinet(tmp_path), {"KEY": "one"}), "KYE")
    assert caught.value.hint == "there are: KEY"
