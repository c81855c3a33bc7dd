"""Planted secrets, each found on its line, and what only looks like one."""

from pathlib import Path

import pytest

from fairlead.leaks.rules import look
from leaks.planting import CASES, planted


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("case", sorted(CASES.glob("*.case")), ids=lambda path: path.stem)
def test_each_secret_is_found_on_its_line_and_no_other(case: Path, seed: int) -> None:
    """Whatever chance drew; and no message holds more than its first four characters."""
    path, text, wanted = planted(case, seed)
    found = look(path, text.encode())
    rules = {(one.line, one.rule.removeprefix("secrets.")) for one in found.findings}
    assert rules == {(line, rule) for line, rule in wanted if rule != "marked"}
    assert found.marked == sum(rule == "marked" for _, rule in wanted)
