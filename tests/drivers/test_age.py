"""What we seal to a public key, the programs age and ssh-keygen's keys open."""

import subprocess
from pathlib import Path

import pytest

from fairlead.base.errors import UsageError
from fairlead.drivers._age import sealed_to
from needs import needs

TEXT = b"# a recovery file\nfairlead-secret-key-1 00 AAAA\n"


def opened(file: Path, key: Path) -> bytes:
    age = needs("age", package="age", adds="open what we seal with age itself")
    return subprocess.run(
        [age, "--decrypt", "-i", str(key), str(file)], capture_output=True, check=True
    ).stdout


def new_age_key(directory: Path) -> tuple[str, Path]:
    keygen = needs("age-keygen", package="age", adds="make a recipient with age itself")
    path = directory / "age.key"
    subprocess.run([keygen, "-o", str(path)], capture_output=True, check=True)
    lines = path.read_text().splitlines()
    return next(line.split()[-1] for line in lines if "public key" in line), path


@pytest.mark.parametrize("text", [TEXT, b"", b"x" * 65_536])
def test_age_opens_what_is_sealed_to_an_age_recipient(tmp_path: Path, text: bytes) -> None:
    """The program that people have, not ours."""
    recipient, key = new_age_key(tmp_path)
    file = tmp_path / "sealed.age"
    file.write_bytes(sealed_to(recipient, text))
    assert opened(file, key) == text


def test_age_opens_what_is_sealed_to_an_ssh_key(tmp_path: Path) -> None:
    """With the key that its owner signs and logs in with; ten of them, as points differ."""
    keygen = needs("ssh-keygen", package="openssh-client", adds="seal to an SSH key")
    for number in range(10):
        key, file = tmp_path / f"id{number}", tmp_path / f"{number}.age"
        argv = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", "ada@home", "-f", str(key)]
        subprocess.run(argv, check=True)
        file.write_bytes(sealed_to(key.with_suffix(".pub").read_text(), TEXT))
        assert opened(file, key) == TEXT


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    """age says so and prints nothing."""
    recipient, _ = new_age_key(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    _, key = new_age_key(other)
    file = tmp_path / "sealed.age"
    file.write_bytes(sealed_to(recipient, TEXT))
    with pytest.raises(subprocess.CalledProcessError):
        opened(file, key)
    assert TEXT not in file.read_bytes()


GOOD = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"  # age's own manual


def test_the_recipient_of_ages_manual_is_one() -> None:
    """Bech32 as BIP 173 has it."""
    assert sealed_to(GOOD, b"").startswith(b"age-encryption.org/v1\n-> X25519 ")


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "age1",
        GOOD[:-1] + "q",
        GOOD[:10] + "zz" + GOOD[12:],
        GOOD[:-3],
        GOOD.upper(),
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!!",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ",
        "AGE-SECRET-KEY-1QQQQ",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
)
def test_what_is_no_recipient_is_refused_and_not_shown(recipient: str) -> None:
    """A slip in a letter, another kind of key, a private key by mistake, a point that hides
    nothing."""
    with pytest.raises(UsageError) as caught:
        sealed_to(recipient, TEXT)
    assert not recipient[12:] or recipient[12:] not in str(caught.value)
