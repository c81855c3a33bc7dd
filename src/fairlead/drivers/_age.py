"""A text sealed to somebody's public key, as a file that the program ``age`` opens.

The format is age-encryption.org/v1 (C2SP, age.md): a file key, wrapped for one recipient in the
header, and the text sealed with a key made from it. Recipients are age's own (``age1…``,
bech32 as BIP 173 has it) and ``ssh-ed25519`` keys, whose point is moved to Curve25519
(RFC 7748, section 4.1). Sealing only: opening is for who has the private key.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from fairlead.base.errors import UsageError

_VERSION = "age-encryption.org/v1"
_PRIME = 2**255 - 19
_CHUNK = 64 * 1024
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"  # BIP 173
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def sealed_to(recipient: str, text: bytes) -> bytes:
    """An age file that only the recipient opens. Raises UsageError for another kind of key.

    ``text`` is at most 64 KiB: one chunk.
    """
    assert len(text) <= _CHUNK
    file_key, nonce = secrets.token_bytes(16), secrets.token_bytes(16)
    header = f"{_VERSION}\n{_stanza(recipient.strip(), file_key)}\n---".encode()
    mac = hmac.digest(_derived(file_key, b"", "header"), header, hashlib.sha256)
    payload = _sealed(_derived(file_key, nonce, "payload"), bytes(11) + b"\x01", text)
    return header + b" " + _plain64(mac).encode() + b"\n" + nonce + payload


def _stanza(recipient: str, file_key: bytes) -> str:
    if recipient.startswith("age1"):
        return _x25519(_age_key(recipient), file_key)
    words = recipient.split()
    if words[:1] == ["ssh-ed25519"] and len(words) > 1:
        return _ssh_ed25519(_ssh_blob(words[1]), file_key)
    raise _no_recipient()


def _x25519(key: bytes, file_key: bytes) -> str:
    secret = secrets.token_bytes(32)
    share = _multiplied(secret, (9).to_bytes(32, "little"))
    wrap = _derived(_multiplied(secret, key), share + key, f"{_VERSION}/X25519")
    return f"-> X25519 {_plain64(share)}\n{_plain64(_sealed(wrap, bytes(12), file_key))}"


def _ssh_ed25519(blob: bytes, file_key: bytes) -> str:
    key, info = _montgomery(blob[-32:]), f"{_VERSION}/ssh-ed25519"
    secret, tweak = secrets.token_bytes(32), _derived(b"", blob, info)
    share = _multiplied(secret, (9).to_bytes(32, "little"))
    shared = _multiplied(tweak, _multiplied(secret, key))
    body = _sealed(_derived(shared, share + key, info), bytes(12), file_key)
    tag = hashlib.sha256(blob).digest()[:4]
    return f"-> ssh-ed25519 {_plain64(tag)} {_plain64(share)}\n{_plain64(body)}"


def _multiplied(scalar: bytes, point: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        key = X25519PublicKey.from_public_bytes(point)
        return X25519PrivateKey.from_private_bytes(scalar).exchange(key)
    except ValueError:  # a point of small order
        raise _no_recipient() from None


def _derived(secret: bytes, salt: bytes, info: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt, info.encode()).derive(secret)


def _sealed(key: bytes, nonce: bytes, text: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(key).encrypt(nonce, text, None)


def _montgomery(point: bytes) -> bytes:
    """An Ed25519 public key as a point of Curve25519: u = (1 + y) / (1 - y)."""
    y = int.from_bytes(point, "little") & ((1 << 255) - 1)
    u = (1 + y) * pow(1 - y, -1, _PRIME) % _PRIME if y % _PRIME != 1 else 0
    return u.to_bytes(32, "little")


def _ssh_blob(text: str) -> bytes:
    """The key in SSH's wire form (RFC 8709): its kind, and 32 bytes."""
    head = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
    try:
        blob = b64decode(text, validate=True)
    except ValueError:
        raise _no_recipient() from None
    if not blob.startswith(head) or len(blob) != len(head) + 32:
        raise _no_recipient()
    return blob


def _age_key(text: str) -> bytes:
    """The 32 bytes of an ``age1…`` recipient, its checksum verified."""
    digits = [_LETTERS.find(letter) for letter in text[4:]]
    prefix = [*(ord(c) >> 5 for c in "age"), 0, *(ord(c) & 31 for c in "age")]
    if -1 in digits or _checksum([*prefix, *digits]) != 1:
        raise _no_recipient()
    bits = "".join(f"{digit:05b}" for digit in digits[:-6])
    if len(bits) != 260 or int(bits[256:], 2):  # 256 of the key, and four that fill up
        raise _no_recipient()
    return int(bits[:256], 2).to_bytes(32, "big")


def _checksum(values: list[int]) -> int:
    found = 1
    for value in values:
        top = found >> 25
        found = (found & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_GENERATOR):
            found ^= term if top >> bit & 1 else 0
    return found


def _plain64(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")


def _no_recipient() -> UsageError:
    what = "not a recipient: expected age1…, or an ssh-ed25519 public key"
    return UsageError(what, "age-keygen makes one; ~/.ssh/id_ed25519.pub is one")
