"""Keys: the home's own, a person's, and the ones that are trusted."""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.desired.ports import Signed
from fairlead.drivers.sshsig.algorithms import raw_sign, raw_verify
from fairlead.drivers.sshsig.form import (
    BY_HAND,
    HASH,
    Signature,
    armored,
    parse_signature,
    signed_bytes,
)
from fairlead.drivers.sshsig.lines import PublicKey, fingerprint, parse_allowed, parse_key

if TYPE_CHECKING:
    from fairlead.drivers.sshsig.algorithms import PrivateKey

MACHINE_NAMESPACES = (
    "fairlead-release",
    "fairlead-record",
    "fairlead-approval",
    "fairlead-word",
)


class KeySigner:
    """Signs with a private key, which ``load`` decodes when it is first needed (few commands
    sign anything). Printing it shows the public half only."""

    def __init__(self, load: Callable[[], "PrivateKey"], name: str) -> None:
        self._load = load
        self._name = name

    @cached_property
    def _key(self) -> "PrivateKey":
        return self._load()

    @cached_property
    def _public(self) -> PublicKey:
        return parse_key(f"{_public_line(self._key)} {self._name}")

    def __repr__(self) -> str:
        return f"KeySigner({self._public.fingerprint})"

    @property
    def public(self) -> str:
        """The public half, as one line in OpenSSH form."""
        return self._public.line

    def sign(self, namespace: str, data: bytes) -> bytes:
        """An armoured SSH signature over exactly these bytes."""
        algorithm, value = raw_sign(self._key, signed_bytes(namespace, HASH, data))
        made = Signature(self._public.blob, namespace, HASH, algorithm, value)
        return armored(made)


class KeyVerifier:
    """Judges signatures. The home trusts the keys of its allowed-signers file."""

    def __init__(self, allowed_signers: Path) -> None:
        self._file = allowed_signers

    def trusted(self, namespace: str, data: bytes, signature: bytes) -> Signed:
        """By a key that the home trusts for the namespace. Raises Refused."""
        lines = parse_allowed(self._text(), str(self._file))
        keys = [line.key for line in lines if line.allows(namespace)]
        return _verified(keys, namespace, data, signature, f"{self._file} does not name")

    def by(self, keys: Sequence[str], namespace: str, data: bytes, signature: bytes) -> Signed:
        """By one of these public keys. Raises Refused."""
        named = [parse_key(line) for line in keys]
        return _verified(named, namespace, data, signature, "is not among those that may sign")

    def _text(self) -> str:
        try:
            return self._file.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            what = f"nothing says which keys are trusted: {self._file} is missing"
            raise Refused(what, "restore it from a backup of this Fairlead's home") from error


def machine_key(directory: Path) -> KeySigner:
    """The home's own Ed25519 key, made the first time, trusted from then on.

    ``machine`` (mode 0600), ``machine.pub`` and ``allowed_signers`` lie in ``directory``.
    Two processes that start at once agree on one key.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / "machine"
    _write_once(path, _new_key, 0o600)
    data = _private_bytes(path)
    signer = KeySigner(partial(_decoded, data, path), "machine")
    _write_once(directory / "machine.pub", partial(_public_text, signer), 0o644)
    _write_once(directory / "allowed_signers", partial(_trust_text, signer), 0o644)
    return signer


def load_key(path: Path, name: str = "") -> KeySigner:
    """A person's private key, not encrypted (Ed25519, ECDSA or RSA).

    Raises NotFound, or Refused for one that is encrypted, damaged, or open to others.
    """
    key = _decoded(_private_bytes(path), path)
    return KeySigner(lambda: key, name or _comment(path) or path.name)


def _verified(
    keys: Iterable[PublicKey], namespace: str, data: bytes, signature: bytes, stranger: str
) -> Signed:
    made = parse_signature(signature)
    if made.namespace != namespace:
        what = f'signed for "{made.namespace}", not for "{namespace}"'
        raise Refused(what, BY_HAND.format(namespace))
    key = next((key for key in keys if key.blob == made.blob), None)
    if key is None:
        what = f"signed by an unknown key: {stranger} {fingerprint(made.blob)}"
        raise Refused(what, "have it signed by a key that is named there")
    _check(key, made, signed_bytes(namespace, made.hash, data))
    return Signed(key.name, key.fingerprint)


def _check(key: PublicKey, made: Signature, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        raw_verify(key, made, message)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        what = f"the signature by {key.name} is not over these bytes: one of the two was changed"
        raise Refused(what, "put back the file and the signature as they were committed") from error


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _public_line(key: "PrivateKey") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _public_text(signer: KeySigner) -> bytes:
    return f"{signer.public}\n".encode()


def _trust_text(signer: KeySigner) -> bytes:
    kind, blob, name = signer.public.split(None, 2)
    return f'{name} namespaces="{",".join(MACHINE_NAMESPACES)}" {kind} {blob}\n'.encode()


def _write_once(path: Path, make: Callable[[], bytes], mode: int) -> None:
    """Whole, with its mode from the start; a file that is there already is left alone."""
    if path.exists():
        return
    data = make()
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _link(temporary, path)
    finally:
        temporary.unlink()


def _link(source: Path, path: Path) -> None:
    try:
        path.hardlink_to(source)
    except FileExistsError:
        return  # another process was first: its key is the key


def _private_bytes(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise Refused(f"the private key is open to others: {path}", f"chmod 600 {path}")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"no such key: {path}", "ssh-keygen -t ed25519 makes one") from error
    except OSError as error:
        raise FairleadError(f"the key cannot be read: {path}: {error.strerror}") from error


def _decoded(data: bytes, path: Path) -> "PrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return _loaded(data)
    except TypeError as error:  # cryptography's word for "a password is needed"
        what = f"the key is encrypted, and Fairlead asks for no passphrase: {path}"
        raise Refused(what, BY_HAND.format("fairlead-approval")) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        what = f"not a private key Fairlead can sign with: {path}"
        raise Refused(what, BY_HAND.format("fairlead-approval")) from error


def _loaded(data: bytes) -> "PrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_ssh_private_key,
    )

    openssh = b"BEGIN OPENSSH PRIVATE KEY" in data
    key = load_ssh_private_key(data, None) if openssh else load_pem_private_key(data, None)
    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise ValueError("another kind of key")


def _comment(path: Path) -> str:
    """The name beside the public half, if it lies there as ssh-keygen puts it."""
    try:
        line = path.with_name(f"{path.name}.pub").read_text(encoding="utf-8")
        return parse_key(line).name
    except (OSError, UnicodeDecodeError, FairleadError):
        return ""
