"""The texts that systemd reads, and the names it knows things by. That systemd reads them so is
tried on a server: ``inside.py``."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.base.errors import UsageError
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.drivers.systemd import names, quoting, units
from fairlead.plan.model import CopyId

CASES = Path(__file__).parents[2] / "cases/systemd"


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """A golden input: of a copy, or with ``directory`` and ``limit`` of a task."""

    unit: units.Unit
    copy: CopyId | None = None
    address: str = ""
    ways: units.Ways = units.Ways()
    directory: str = ""
    limit: int = 0


def rendered(case: Case) -> str:
    if case.copy is None:
        return units.task_text(case.unit, case.directory, case.limit)
    return units.copy_text(case.unit, case.copy, case.address, case.ways)


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_a_unit_is_what_was_reviewed(name: str) -> None:
    """Each input gives exactly its expected unit."""
    case = msgspec.json.decode((CASES / name / "input.json").read_bytes(), type=Case)
    assert rendered(case) == (CASES / name / "expected.service").read_text()


def test_what_systemd_ignores_is_read_back() -> None:
    """A copy's address, program and log are in its unit, for us alone."""
    case = msgspec.json.decode((CASES / "web/input.json").read_bytes(), type=Case)
    assert units.about(rendered(case)) == units.About(case.address, "gunicorn", case.unit.log)


NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
PLACES = st.builds(Place, NAMES, NAMES)
CLOSE = st.builds(Place, st.sampled_from(["a", "a-b", "a-b-c"]), st.sampled_from(["c", "b-c", "d"]))


@given(one=PLACES | CLOSE, other=PLACES | CLOSE)
def test_no_two_places_share_a_name(one: Place, other: Place) -> None:
    """Neither a user, nor a slice (nor is one's slice within the other's), nor a unit."""
    users = {names.user_of(one), names.user_of(other)}
    slices = {names.slice_of(one), names.slice_of(other)}
    assert len(users) == len(slices) == len({one, other})
    assert all(len(user) <= 32 for user in users)
    stem = names.slice_of(one).removesuffix(".slice")
    assert one == other or not names.slice_of(other).startswith(f"{stem}-")
    unit = names.copy_unit(one, CopyId(7, "web", 1))
    assert names.copy_of(one, unit) == CopyId(7, "web", 1)
    assert one == other or not unit.startswith(names.prefix(other))


@given(place=PLACES, key=st.text(max_size=80))
def test_a_tasks_unit_is_no_copys(place: Place, key: str) -> None:
    """Whatever its key: and its name is one that a file and a unit may have."""
    unit = names.task_unit(place, key)
    assert names.copy_of(place, unit) is None
    assert unit.startswith(names.prefix(place))
    assert len(unit) < 255
    assert "/" not in unit


@pytest.mark.parametrize(
    "odd", ["relative", "/a b", "/a\nb", '/a"b', "/a\\b", "/a/../b", "/a:b", ""]
)
def test_an_odd_path_is_refused(odd: str) -> None:
    """The settings that take paths unquote differently; ours need no quoting."""
    with pytest.raises(UsageError):
        quoting.path(odd)


def test_a_secret_is_in_no_error() -> None:
    """Also when it cannot be handed over."""
    with pytest.raises(UsageError) as refused:
        units.variables_text({}, {"TOKEN": Secret("pl4nted\0")})
    assert "pl4nted" not in str(refused.value)
    assert "TOKEN" in str(refused.value)
