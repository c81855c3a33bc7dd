"""What acme-tiny says, as it said it of a real Pebble, and what we make of it.

A case in ``tests/cases/acme`` is ``stderr.txt`` and ``sentence.txt``.
"""

from pathlib import Path

import pytest

from fairlead.drivers.acme.said import sentence

CASES = Path(__file__).parents[2] / "cases" / "acme"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_failure_is_a_sentence_and_what_to_do(case: str) -> None:
    """The name that could not be verified, or what the authority answered."""
    what, hint = sentence((CASES / case / "stderr.txt").read_text())
    assert f"{what}\n{hint}\n" == (CASES / case / "sentence.txt").read_text()


def test_anything_else_is_its_last_line() -> None:
    """Also nothing, and half a value."""
    assert sentence("")[0] == "the ACME client failed: it said nothing"
    assert sentence("a\nb\n")[0] == "the ACME client failed: b"
    assert "x.example" in sentence("ValueError: Challenge did not pass for x.example: {'a': }")[0]
