"""Values are sealed to where they belong, and open nowhere else."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cabinets import BY, EMPTY, PRODUCTION, STAGING, cabinet, names, sealed, values
from fairlead.base.errors import Refused, UsageError
from fairlead.base.ids import Place
from fairlead.base.secret import Secret
from fairlead.secrets import flow, rules
from fairlead.secrets.flow import Cabinet
from fairlead.secrets.model import SealedFile, Version

quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def opened(at: Cabinet, file: SealedFile, name: str, number: int = 1) -> str:
    return flow.values(at, file, [(name, number)])[name].reveal()


def altered(
    file: SealedFile, name: str, change: Callable[[Version], Version], number: int = 1
) -> SealedFile:
    """The file with one version of one secret changed by hand."""
    kept = file.secrets[name]
    versions = tuple(change(v) if v.number == number else v for v in kept.versions)
    return SealedFile(
        file.format, {**file.secrets, name: msgspec.structs.replace(kept, versions=versions)}
    )


@quick
@given(st.dictionaries(names, values, min_size=1, max_size=4))
def test_any_value_comes_back_from_the_files_bytes(tmp_path: Path, given: dict[str, str]) -> None:
    """Sealed, written, read, opened: the same text, and the file holds none of it."""
    at = cabinet(tmp_path)
    data = rules.text(sealed(at, given))
    file = rules.parse(data, "x")
    found = flow.values(at, file, file.current())
    assert {name: value.reveal() for name, value in found.items()} == given
    assert rules.text(file) == data


@quick
@given(st.data())
def test_any_changed_byte_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Nonce, ciphertext and tag: no bit of them may differ, none may be missing or more."""
    at = cabinet(tmp_path)
    file = sealed(at, {"KEY": data.draw(values)})
    whole = b64decode(file.secrets["KEY"].versions[0].sealed)
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(
        st.sampled_from(
            [
                whole[:place]
                + bytes([whole[place] ^ data.draw(st.integers(1, 255))])
                + whole[place + 1 :],
                whole[:place],
                whole + whole[:1],
            ]
        )
    )
    wrong = altered(
        file, "KEY", lambda v: msgspec.structs.replace(v, sealed=b64encode(other).decode())
    )
    with pytest.raises(Refused, match="version 1 of KEY cannot be opened"):
        opened(at, wrong, "KEY")


def test_a_value_moved_to_another_name_is_refused(tmp_path: Path) -> None:
    """Whoever can edit the file cannot give one secret the value of another."""
    at = cabinet(tmp_path)
    file = sealed(at, {"ADMIN": "a value of the admin", "PUBLIC": "something public"})
    moved = altered(file, "PUBLIC", lambda _: file.secrets["ADMIN"].versions[0])
    with pytest.raises(Refused, match="sealed for another place, name or version"):
        opened(at, moved, "PUBLIC")


@pytest.mark.parametrize("other", [STAGING, Place("stop", "production")])
def test_a_value_moved_to_another_place_is_refused(tmp_path: Path, other: Place) -> None:
    """Neither to another environment of the app, nor to another app's of that name."""
    file = sealed(cabinet(tmp_path), {"KEY": "production's own"})
    with pytest.raises(Refused):
        opened(cabinet(tmp_path, other), file, "KEY")
    assert opened(cabinet(tmp_path), file, "KEY") == "production's own"


def test_a_value_moved_to_another_version_is_refused(tmp_path: Path) -> None:
    """A leaked value that was rotated away cannot be slipped in as the new one."""
    at = cabinet(tmp_path)
    file = sealed(at, {"KEY": "leaked"}, {"KEY": "fresh"})
    old = file.secrets["KEY"].versions[0]
    moved = altered(file, "KEY", lambda v: msgspec.structs.replace(old, number=v.number), number=2)
    with pytest.raises(Refused):
        opened(at, moved, "KEY", 2)


def test_each_set_is_a_version_and_the_older_ones_still_open(tmp_path: Path) -> None:
    """So a release that names an older one can be gone back to (promise 11)."""
    at = cabinet(tmp_path)
    file = sealed(at, {"KEY": "one"}, {"KEY": "two"}, {"OTHER": "x"}, {"KEY": "three"})
    assert file.current() == (("KEY", 3), ("OTHER", 1))
    assert [opened(at, file, "KEY", n) for n in (1, 2, 3)] == ["one", "two", "three"]


def test_the_same_value_again_is_no_new_version(tmp_path: Path) -> None:
    """What is done is answered as done: the file's bytes stay."""
    at = cabinet(tmp_path)
    file = sealed(at, {"KEY": "one"})
    assert flow.put(at, file, {"KEY": Secret("one")}, BY) == file


def test_equal_values_are_sealed_to_different_bytes(tmp_path: Path) -> None:
    """A nonce of its own each: the file does not say which secrets are alike."""
    at = cabinet(tmp_path)
    file = sealed(at, {"A": "the same", "B": "the same"}, {"A": "x"}, {"A": "the same"})
    texts = [v.sealed for kept in file.secrets.values() for v in kept.versions]
    assert len(set(texts)) == len(texts)
    nonces = {b64decode(text)[:12] for text in texts}
    assert len(nonces) == len(texts)


def test_a_number_that_was_given_once_is_not_given_to_another_value(tmp_path: Path) -> None:
    """A release may name version 2 although a person reverted the commit that brought it."""
    at = cabinet(tmp_path)
    first, second = sealed(at, {"KEY": "one"}), sealed(at, {"KEY": "one"}, {"KEY": "two"})
    after = flow.put(at, first, {"KEY": Secret("three")}, BY, [second])
    assert after.current() == (("KEY", 3),)


def test_an_unset_secret_keeps_its_versions_and_goes_on_counting(tmp_path: Path) -> None:
    """Unset, the next release does not name it; set again, its number is a new one."""
    at = cabinet(tmp_path)
    file = rules.without(sealed(at, {"KEY": "one"}), "KEY")
    assert file.current() == ()
    assert opened(at, file, "KEY") == "one"
    again = flow.put(at, file, {"KEY": Secret("one")}, BY)
    assert again.current() == (("KEY", 2),)


def test_resealed_everything_has_the_new_key_and_the_old_one_opens_nothing(tmp_path: Path) -> None:
    """Older versions as well, or a rollback would need the key that was given up."""
    at = cabinet(tmp_path)
    file = sealed(at, {"KEY": "one", "OTHER": "x"}, {"KEY": "two"})
    fresh = at.ring.renew()
    after = flow.reseal(at, file)
    at.ring.drop(frozenset())
    assert {v.key for kept in after.secrets.values() for v in kept.versions} == {fresh}
    assert [opened(at, after, "KEY", n) for n in (1, 2)] == ["one", "two"]
    with pytest.raises(Refused, match=r"its key .* is not in"):
        opened(at, file, "KEY")


def test_a_lost_key_is_said_and_a_new_value_is_the_way_on(tmp_path: Path) -> None:
    """What was sealed with it is lost; setting it again works, and what is lost can be given up."""
    at, elsewhere = cabinet(tmp_path), cabinet(tmp_path / "elsewhere")
    file = sealed(elsewhere, {"KEY": "lost", "OTHER": "lost too"})
    with pytest.raises(Refused) as caught:
        opened(at, file, "KEY")
    assert caught.value.hint == "fairlead secret key import FILE, with the recovery file"
    after = flow.put(at, file, {"KEY": Secret("new")}, BY)
    assert opened(at, after, "KEY", 2) == "new"
    left, lost = flow.without_lost(at, after)
    assert lost == ("KEY 1", "OTHER 1")
    assert left.current() == (("KEY", 2),)
    assert flow.everything(at, left) == (("KEY", Secret("new")),)


def test_a_version_that_is_not_there_is_refused_by_its_number(tmp_path: Path) -> None:
    """A revert took it away; what a release names is never replaced by something near it."""
    at = cabinet(tmp_path)
    with pytest.raises(Refused, match="version 2 of KEY is not there"):
        opened(at, sealed(at, {"KEY": "one"}), "KEY", 2)


@pytest.mark.parametrize("value", ["", "with\0nul", "\ud800", "x" * (rules.LONGEST + 1)])
def test_what_no_environment_can_hold_is_refused_without_being_shown(
    tmp_path: Path, value: str
) -> None:
    """The error names the secret, and nothing is sealed."""
    with pytest.raises(UsageError, match="the value of KEY") as caught:
        flow.put(cabinet(tmp_path), EMPTY, {"KEY": Secret(value)}, BY)
    assert not value or value not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "FAIRLEAD_DATA", "Ä"])
def test_what_cannot_be_a_secrets_name_is_refused(tmp_path: Path, name: str) -> None:
    """The rule of settings; and Fairlead's own names are not to be taken."""
    with pytest.raises(UsageError):
        flow.put(cabinet(tmp_path), EMPTY, {name: Secret("value")}, BY)


def test_nothing_of_a_cabinet_or_an_error_shows_a_value(tmp_path: Path) -> None:
    """Not its repr, and not the chain of errors below the one that is told."""
    at = cabinet(tmp_path)
    file = sealed(at, {"KEY": "planted-value"})
    opened_pairs = flow.everything(at, file)
    assert (
        "planted" not in f"{at!r}{file!r}{opened_pairs!r}{flow.values(at, file, file.current())!r}"
    )
    wrong = altered(file, "KEY", lambda v: msgspec.structs.replace(v, sealed="planted-value"))
    with pytest.raises(Refused) as caught:
        opened(at, wrong, "KEY")
    assert caught.value.__cause__ is None
    assert "planted" not in str(caught.value)


def test_the_place_is_part_of_what_is_bound() -> None:
    """No two of (place, name, version) give the same bytes, whatever is in the names."""
    many = [
        rules.bound(Place(app, environment), name, number)
        for app in ("a", "a-b")
        for environment in ("b-c", "c")
        for name in ("A", "B_1")
        for number in (1, 11)
    ]
    assert len(set(many)) == len(many)
    assert rules.bound(PRODUCTION, "KEY", 3) == b'["fairlead-secret",1,"shop","production","KEY",3]'
