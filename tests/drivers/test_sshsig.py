"""Signatures and keys, judged by OpenSSH itself where it is there."""

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.drivers.sshsig import KeySigner, KeyVerifier, load_key, machine_key
from fairlead.drivers.sshsig.form import parse_signature
from needs import needs

SPACE = "fairlead-release"
DATA = b"any bytes\x00\xff\n"
KINDS = [("ed25519", 256), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("rsa", 2048)]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def signer(keys: Path) -> KeySigner:
    return machine_key(keys)


@pytest.fixture
def verifier(keys: Path, signer: KeySigner) -> KeyVerifier:
    return KeyVerifier(keys / "allowed_signers")


def ssh_keygen(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    program = needs("ssh-keygen", package="openssh-client", adds="judge signatures with OpenSSH")
    return subprocess.run([program, *arguments], input=stdin, capture_output=True)


def person(where: Path, kind: str = "ed25519", bits: int = 256, passphrase: str = "") -> Path:
    """A key as a person makes one."""
    path = where / f"id_{kind}_{bits}"
    arguments = ("-q", "-t", kind, "-b", str(bits), "-N", passphrase, "-C", "ada@example.org")
    assert ssh_keygen(*arguments, "-f", str(path)).returncode == 0
    return path


def public(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text().strip()


def test_openssh_accepts_what_the_machine_signs(keys: Path, signer: KeySigner) -> None:
    """`ssh-keygen -Y verify`, with the home's own trust file."""
    sig = keys / "sig"
    sig.write_bytes(signer.sign(SPACE, DATA))
    trust = str(keys / "allowed_signers")
    judge = ("-Y", "verify", "-f", trust, "-I", "machine", "-n", SPACE, "-s", str(sig))
    assert ssh_keygen(*judge, stdin=DATA).returncode == 0
    assert ssh_keygen(*judge, stdin=DATA + b" ").returncode != 0


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_openssh_and_fairlead_agree(
    tmp_path: Path, verifier: KeyVerifier, kind: str, bits: int
) -> None:
    """Each accepts what the other signs with a person's key, and neither other bytes."""
    key, file = person(tmp_path, kind, bits), tmp_path / "file"
    file.write_bytes(DATA)
    assert ssh_keygen("-Y", "sign", "-n", SPACE, "-f", str(key), str(file)).returncode == 0
    theirs = (tmp_path / "file.sig").read_bytes()
    assert verifier.by([public(key)], SPACE, DATA, theirs).principal == "ada@example.org"
    with pytest.raises(Refused, match="not over these bytes"):
        verifier.by([public(key)], SPACE, DATA + b" ", theirs)

    (tmp_path / "ours.sig").write_bytes(load_key(key).sign(SPACE, DATA))
    (tmp_path / "allowed").write_text(f"ada {public(key)}\n")
    judge = ["-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "ada", "-n", SPACE]
    assert ssh_keygen(*judge, "-s", str(tmp_path / "ours.sig"), stdin=DATA).returncode == 0


def test_the_fingerprint_is_openssh_s(tmp_path: Path, verifier: KeyVerifier) -> None:
    """What is recorded is what `ssh-keygen -l` shows."""
    key = person(tmp_path)
    signed = verifier.by([public(key)], SPACE, DATA, load_key(key).sign(SPACE, DATA))
    assert signed.fingerprint in ssh_keygen("-l", "-f", str(key)).stdout.decode()


def test_a_sha256_signature_is_accepted(tmp_path: Path, verifier: KeyVerifier) -> None:
    """The other hash PROTOCOL.sshsig knows."""
    key, file = person(tmp_path), tmp_path / "file"
    file.write_bytes(DATA)
    options = ("-O", "hashalg=sha256")
    assert (
        ssh_keygen("-Y", "sign", *options, "-n", SPACE, "-f", str(key), str(file)).returncode == 0
    )
    sig = (tmp_path / "file.sig").read_bytes()
    assert parse_signature(sig).hash == "sha256"
    verifier.by([public(key)], SPACE, DATA, sig)


def test_a_signature_for_something_else_is_refused(
    verifier: KeyVerifier, signer: KeySigner
) -> None:
    """A namespace is what keeps an approval from being a release."""
    sig = signer.sign("fairlead-approval", DATA)
    with pytest.raises(Refused, match='for "fairlead-approval", not for "fairlead-release"'):
        verifier.trusted(SPACE, DATA, sig)


def test_an_unknown_key_is_refused_by_its_fingerprint(
    tmp_path: Path, verifier: KeyVerifier
) -> None:
    """The message names the key, so that a person can find whose it is."""
    stranger = machine_key(tmp_path / "other")
    with pytest.raises(Refused, match=r"unknown key.*SHA256:"):
        verifier.trusted(SPACE, DATA, stranger.sign(SPACE, DATA))
    with pytest.raises(Refused, match="unknown key"):
        verifier.by([], SPACE, DATA, stranger.sign(SPACE, DATA))


def test_a_key_is_trusted_for_its_namespaces_only(
    keys: Path, verifier: KeyVerifier, signer: KeySigner
) -> None:
    """As OpenSSH reads the option."""
    assert verifier.trusted("fairlead-record", DATA, signer.sign("fairlead-record", DATA))
    with pytest.raises(Refused, match="unknown key"):
        verifier.trusted("git", DATA, signer.sign("git", DATA))


@pytest.mark.parametrize(
    "sig", [b"", b"x", b"\xff", b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"]
)
def test_rubbish_is_no_signature(verifier: KeyVerifier, sig: bytes) -> None:
    """It is refused as such, with how to make one."""
    with pytest.raises(Refused, match="not an SSH signature") as caught:
        verifier.trusted(SPACE, DATA, sig)
    assert "ssh-keygen -Y sign" in caught.value.hint


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_always_noticed(
    verifier: KeyVerifier, signer: KeySigner, at: int, bit: int
) -> None:
    """Anywhere in the signature: an error of ours, never a traceback and never accepted."""
    lines = signer.sign(SPACE, DATA).decode().splitlines()
    body = bytearray(base64.b64decode("".join(lines[1:-1])))
    body[at % len(body)] ^= 1 << bit
    armor = "\n".join([lines[0], base64.b64encode(body).decode(), lines[-1]])
    with pytest.raises(Refused):
        verifier.trusted(SPACE, DATA, armor.encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 500))
def test_a_signature_cut_short_is_refused(
    verifier: KeyVerifier, signer: KeySigner, cut: int
) -> None:
    """At any length."""
    lines = signer.sign(SPACE, DATA).decode().splitlines()
    body = base64.b64decode("".join(lines[1:-1]))
    short = base64.b64encode(body[: cut % len(body)]).decode()
    with pytest.raises(Refused):
        verifier.trusted(SPACE, DATA, "\n".join([lines[0], short, lines[-1]]).encode())


def test_the_machine_key_is_made_once_and_for_its_owner(keys: Path, signer: KeySigner) -> None:
    """0600 in a 0700 directory; the second time it is the same key."""
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert stat.S_IMODE((keys / "machine").stat().st_mode) == 0o600
    assert machine_key(keys).public == signer.public
    assert (keys / "machine.pub").read_text().strip() == signer.public
    assert sorted(path.name for path in keys.iterdir()) == [
        "allowed_signers",
        "machine",
        "machine.pub",
    ]


def test_processes_that_start_at_once_agree_on_one_key(keys: Path) -> None:
    """The first to finish is the key of all."""
    code = (
        "import sys; from pathlib import Path; from fairlead.drivers.sshsig import machine_key;"
        "print(machine_key(Path(sys.argv[1])).public)"
    )
    command = [sys.executable, "-c", code, str(keys)]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in several}) == 1


def test_a_signer_never_shows_its_private_half(keys: Path, signer: KeySigner) -> None:
    """Printed, it is its fingerprint."""
    secret = (keys / "machine").read_text().splitlines()[2]
    assert secret not in repr(signer) + str(signer) + signer.public


def test_an_encrypted_key_has_a_way_out(tmp_path: Path) -> None:
    """Fairlead asks for no passphrase; the hint is the command that does."""
    with pytest.raises(Refused, match="encrypted") as caught:
        load_key(person(tmp_path, passphrase="secret words"))
    assert "ssh-keygen -Y sign -n fairlead-approval" in caught.value.hint


def test_a_key_open_to_others_is_refused(tmp_path: Path) -> None:
    """As ssh does."""
    key = person(tmp_path)
    key.chmod(0o644)
    with pytest.raises(Refused) as caught:
        load_key(key)
    assert caught.value.hint == f"chmod 600 {key}"


def test_what_is_no_key_is_told_so(tmp_path: Path) -> None:
    """Missing, rubbish, or of a kind that cannot sign."""
    with pytest.raises(NotFound):
        load_key(tmp_path / "none")
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"\x00hello")
    rubbish.chmod(0o600)
    with pytest.raises(Refused, match="not a private key"):
        load_key(rubbish)
    with pytest.raises(FairleadError, match="cannot be read"):
        load_key(tmp_path)


@pytest.mark.parametrize(
    "line", ["", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-dss AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5"]
)
def test_a_bad_public_key_names_itself(verifier: KeyVerifier, signer: KeySigner, line: str) -> None:
    """A mistake in deploy.toml is a person's to put right."""
    with pytest.raises(UsageError, match="key") as caught:
        verifier.by([line], SPACE, DATA, signer.sign(SPACE, DATA))
    assert "ssh-ed25519" in caught.value.hint


def test_a_trust_line_that_cannot_be_judged_trusts_nobody(keys: Path, signer: KeySigner) -> None:
    """An option Fairlead does not know might forbid the key: it is an error, not a yes."""
    trust = keys / "allowed_signers"
    kind, blob, _ = signer.public.split()
    trust.write_text(f'# ours\n\nmachine valid-before="20200101" {kind} {blob}\n')
    with pytest.raises(UsageError, match=f"{trust}:3"):
        KeyVerifier(trust).trusted(SPACE, DATA, signer.sign(SPACE, DATA))
    trust.unlink()
    with pytest.raises(Refused, match="missing"):
        KeyVerifier(trust).trusted(SPACE, DATA, signer.sign(SPACE, DATA))
