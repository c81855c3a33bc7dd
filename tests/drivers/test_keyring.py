"""The home's data keys: one file, its owner's, whole or not at all."""

import threading
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from fairlead.base.errors import Refused, UsageError
from fairlead.drivers.keyring import FileKeyRing


@pytest.fixture
def ring(tmp_path: Path) -> FileKeyRing:
    return FileKeyRing(tmp_path / "keys" / "secrets")


def test_the_first_key_is_made_at_first_use_for_its_owner_only(
    ring: FileKeyRing, tmp_path: Path
) -> None:
    """Before that there is no file; then one of mode 0600 in a directory of mode 0700."""
    assert ring.ids() == ()
    key, _ = ring.seal(b"value", b"about")
    assert ring.ids() == (key,)
    assert (tmp_path / "keys" / "secrets").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_what_is_sealed_opens_with_what_it_is_bound_to(ring: FileKeyRing) -> None:
    """And with nothing else."""
    key, sealed = ring.seal(b"value", b"about")
    assert ring.open(key, sealed, b"about") == b"value"
    with pytest.raises(Refused):
        ring.open(key, sealed, b"About")


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(28)])
def test_what_is_not_sealed_is_refused(ring: FileKeyRing, sealed: bytes) -> None:
    """Too short to hold a nonce and a tag, or nonsense."""
    with pytest.raises(Refused):
        ring.open(ring.renew(), sealed, b"about")


def test_a_new_key_seals_and_the_old_ones_open_until_they_are_dropped(ring: FileKeyRing) -> None:
    """The newest is never dropped."""
    old, sealed = ring.seal(b"value", b"")
    fresh = ring.renew()
    assert ring.ids() == (fresh, old)
    assert ring.seal(b"x", b"")[0] == fresh
    assert ring.open(old, sealed, b"") == b"value"
    assert ring.drop(frozenset({old})) == ()
    assert ring.drop(frozenset()) == (old,)
    assert ring.ids() == (fresh,)


def test_a_recovery_file_brings_the_keys_to_another_machine(
    ring: FileKeyRing, tmp_path: Path
) -> None:
    """All of them; and what is there already stays the newest."""
    key, sealed = ring.seal(b"value", b"")
    other = FileKeyRing(tmp_path / "other")
    assert other.add(ring.recovery()) == (key,)
    assert other.open(key, sealed, b"") == b"value"
    assert other.add(ring.recovery()) == ()
    third = FileKeyRing(tmp_path / "third")
    own = third.renew()
    third.add(ring.recovery())
    assert third.ids() == (own, key)


def test_a_recovery_file_that_was_mistyped_is_refused_and_not_shown(ring: FileKeyRing) -> None:
    """The id is derived from the key, so one wrong letter is noticed; nothing is taken up."""
    ring.renew()
    *head, last = ring.recovery().splitlines()
    word, key, secret = last.split()
    wrong = "B" if secret[5] == "A" else "A"
    typed = "\n".join([*head, f"{word} {key} {secret[:5]}{wrong}{secret[6:]}"])
    with pytest.raises(UsageError, match="line 4: not a key") as caught:
        FileKeyRing(ring._path.with_name("other")).add(typed)
    assert secret[6:] not in str(caught.value)
    assert not ring._path.with_name("other").exists()


@pytest.mark.parametrize("text", ["", "# only words\n", "some other file\nof two lines\n"])
def test_another_file_is_no_recovery_file(ring: FileKeyRing, text: str) -> None:
    """It is said so."""
    with pytest.raises(UsageError):
        ring.add(text)


def test_a_key_file_open_to_others_is_refused(ring: FileKeyRing) -> None:
    """Somebody may have read it: the hint closes it and says to rotate."""
    ring.renew()
    ring._path.chmod(0o640)
    with pytest.raises(Refused) as caught:
        ring.ids()
    assert "chmod 600" in caught.value.hint
    assert "rotate" in caught.value.hint


def test_a_reader_never_sees_half_a_file(ring: FileKeyRing) -> None:
    """It is replaced whole while others read it."""
    ring.renew()
    over, wrong = threading.Event(), []

    def look() -> None:
        while not over.is_set():
            try:
                assert ring.ids()
            except Exception as error:  # noqa: BLE001  any at all is the finding
                wrong.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(50):
        ring.renew()
    over.set()
    reader.join()
    assert wrong == []


def test_nothing_shows_a_key(ring: FileKeyRing) -> None:
    """Neither its repr nor an error for a damaged file."""
    ring.renew()
    secret = ring.recovery().split()[-1]
    assert secret not in repr(ring)
    ring._path.write_text(f"fairlead-secret-key-1 00 {secret}\n")
    with pytest.raises(UsageError) as caught:
        ring.ids()
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_form_of_a_key_file_is_read(ring: FileKeyRing) -> None:
    """What this version wrote, later ones read: id and key of a known one."""
    ring._path.parent.mkdir(mode=0o700)
    ring._path.touch(mode=0o600)
    line = f"fairlead-secret-key-1 c703a988c452b341 {urlsafe_b64encode(bytes(32)).decode()}\n"
    ring._path.write_text(line)
    assert ring.ids() == (line.split()[1],)
