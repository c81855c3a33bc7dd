"""What an answer depends on is in its key, and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead.base.globs import matching
from fairlead.checks.keys import Inputs, key_of
from fairlead.manifest.model import Check
from fairlead.manifest.questions import Localization

FILES = {"src/a.py": "100644 1", "docs/b.md": "100644 2", "c.txt": "100644 3"}
INPUTS = Inputs("tree", FILES, "deps", "machine", "0.1")
CHECK = Check("tests", "pytest")


@pytest.mark.parametrize(
    "other",
    [
        {"command": "pytest -x"},
        {"services": ("redis",)},
        {"network": True},
        {"settings": (("A", "1"),)},
        {"retries": 1},
        {"not_known_exits": (5,)},
        {"reads": ("src/**",)},
        {"memory": 1 << 30},
        {"question": Localization()},
    ],
)
def test_another_check_is_another_question(other: dict[str, Any]) -> None:
    """What it runs, with what, and how its end is read."""
    assert key_of(replace(CHECK, **other), INPUTS) != key_of(CHECK, INPUTS)


@pytest.mark.parametrize("same", [{"limit": 1}, {"max_age": 60}, {"needs": ("x",)}, {"name": "t"}])
def test_when_it_is_asked_is_no_input(same: dict[str, Any]) -> None:
    """Nor how long its answer is believed."""
    assert key_of(replace(CHECK, **same), INPUTS) == key_of(CHECK, INPUTS)


@pytest.mark.parametrize("field", ["tree", "dependencies", "machine"])
def test_another_world_is_another_question(field: str) -> None:
    """Other files, other packages, other programs of the machine."""
    assert key_of(CHECK, replace(INPUTS, **{field: "other"})) != key_of(CHECK, INPUTS)
    assert key_of(CHECK, INPUTS, "postgres 16") != key_of(CHECK, INPUTS, "postgres 15")


def test_another_fairlead_asks_its_own_questions_again() -> None:
    """And not the team's."""
    newer = replace(INPUTS, fairlead="0.2")
    own = replace(CHECK, command="", question=Localization())
    assert key_of(CHECK, newer) == key_of(CHECK, INPUTS)
    assert key_of(own, newer) != key_of(own, INPUTS)


PATHS = st.sampled_from(["src/a.py", "src/b/c.py", "docs/b.md", "c.txt", "fairlead.toml"])
GLOBS = st.sampled_from(["src/**", "*.md", "c.txt", "**", "docs/*"])


@given(
    st.dictionaries(PATHS, st.sampled_from("12")),
    st.dictionaries(PATHS, st.sampled_from("12")),
    st.lists(GLOBS, min_size=1, unique=True),
    st.lists(GLOBS, unique=True),
)
def test_the_key_is_the_same_exactly_while_what_it_reads_is(
    before: dict[str, str], after: dict[str, str], reads: list[str], only: list[str]
) -> None:
    """A file it does not read changes nothing; any that it reads does; so does whether the check
    applies at all."""
    check = replace(CHECK, reads=tuple(reads), only=tuple(only))

    def seen(files: dict[str, str]) -> object:
        read = {path: files[path] for path in matching(reads, files)}
        return read, not only or bool(matching(only, files))

    keys = [key_of(check, Inputs("t", files, "", "", "")) for files in (before, after)]
    assert (keys[0] == keys[1]) == (seen(before) == seen(after))
