"""Which texts are public keys."""

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access.public_key import parse_key
from fairlead.base.errors import UsageError
from needs import needs


def blob(*fields: bytes) -> str:
    data = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return base64.b64encode(data).decode()


ED = f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(range(32)))} ada@laptop"


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_what_ssh_keygen_makes_is_a_key(kind: str, tmp_path: Path) -> None:
    """And its fingerprint is the one that ssh-keygen shows."""
    needs("ssh-keygen", package="openssh-client", adds="read keys that OpenSSH makes")
    file = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", file], check=True)
    key = parse_key(file.with_suffix(".pub").read_text())
    shown = subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True, text=True)
    assert key.fingerprint in shown.stdout
    assert key.blob == file.with_suffix(".pub").read_text().split()[1]
    with pytest.raises(UsageError, match="private key") as found:
        parse_key(file.read_text())
    assert "BEGIN" not in str(found.value)


WRONG = {
    "nothing": "",
    "two lines": f"{ED}\n{ED}",
    "options before it": f'command="sh" {ED}',
    "an algorithm that is none": ED.replace("ssh-ed25519", "ssh-dss"),
    "another algorithm than inside": f"ssh-rsa {ED.split()[1]}",
    "another algorithm inside": f"ssh-ed25519 {blob(b'ssh-ed25518', bytes(32))}",
    "not base64": "ssh-ed25519 AAAA!",
    "base64 with a line in it": ED.replace("AAAA", "AA\rAA", 1),
    "no blob": "ssh-ed25519",
    "cut off": f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(31))}",
    "more after it": f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(32), b'')}",
    "weak": f"ssh-rsa {blob(b'ssh-rsa', bytes([1, 0, 1]), bytes([0, 128]) + bytes(127))}",
    "an even exponent": f"ssh-rsa {blob(b'ssh-rsa', bytes([4]), bytes([127]) + bytes(300))}",
    "a point that is none": "ecdsa-sha2-nistp256 "
    + blob(b"ecdsa-sha2-nistp256", b"nistp256", bytes(65)),
    "another curve": "ecdsa-sha2-nistp256 "
    + blob(b"ecdsa-sha2-nistp256", b"nistp384", b"\4" + bytes(96)),
    "a certificate": "ssh-ed25519-cert-v01@openssh.com AAAA",
    "far too long": "ssh-ed25519 " + "A" * 20_000,
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_no_key_is_refused(text: str) -> None:
    """With a hint."""
    with pytest.raises(UsageError) as found:
        parse_key(text)
    assert found.value.hint


@given(st.text() | st.binary().map(lambda data: f"ssh-ed25519 {base64.b64encode(data).decode()}"))
def test_nothing_else_than_a_refusal(text: str) -> None:
    """Whatever is given."""
    try:
        key = parse_key(text)
    except UsageError:
        return
    assert key.blob.isascii()
    assert " " not in key.blob
