"""A public key, read as strictly as it can be: what is not one never reaches sshd's file. Pure.

Forms: RFC 4253 section 6.6 (ssh-rsa), RFC 5656 section 3.1 (ecdsa-sha2-*), RFC 8709 section 4
(ssh-ed25519), OpenSSH's PROTOCOL.u2f (sk-*). DSA is left out, as in OpenSSH since 7.0; so are
certificates, which name another key that would have to be trusted.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping

from fairlead.access.model import Key
from fairlead.base.errors import UsageError

LEAST_RSA = 2048
"""Bits. Below that OpenSSH itself warns, or refuses."""

_LONGEST = 16_384
_CURVES = {"nistp256": 65, "nistp384": 97, "nistp521": 133}
_HINT = "give one line of a file like ~/.ssh/id_ed25519.pub"


def parse_key(text: str) -> Key:
    """The one key of a ``.pub`` file. Raises UsageError; nothing of a private key is shown."""
    if "PRIVATE KEY" in text:
        raise UsageError("this is a private key: keep it", "give its other half, the .pub file")
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) != 1 or len(text) > _LONGEST:
        raise UsageError(f"one public key was expected, got {len(lines)} lines", _HINT)
    algorithm, _, rest = lines[0].strip().partition(" ")
    blob = rest.partition(" ")[0].rstrip("\r")
    if algorithm not in _FORMS:
        known = ", ".join(sorted(_FORMS))
        what = "a public key begins with its algorithm, without options before it"
        raise UsageError(f"{what}; got {algorithm[:40]!r}", f"one of {known}")
    data = _decoded(blob)
    _check(algorithm, data)
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return Key(algorithm, blob, f"SHA256:{digest}")


def _decoded(blob: str) -> bytes:
    try:
        data = base64.b64decode(blob.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise UsageError("the key's second word is not base64", _HINT) from None
    if base64.b64encode(data).decode() != blob:
        raise UsageError("the key's second word is not base64 in its one form", _HINT)
    return data


def _check(algorithm: str, data: bytes) -> None:
    """What is within must be of that algorithm, to the last byte."""
    try:
        fields = _strings(data)
        fine = fields[0] == algorithm.encode() and _FORMS[algorithm](fields[1:])
    except (IndexError, ValueError):
        fine = False
    if not fine:
        what = f"this is no {algorithm} key: what it holds is of another form, cut off, or too weak"
        raise UsageError(what, f"{_HINT}; RSA from {LEAST_RSA} bits")


def _strings(data: bytes) -> list[bytes]:
    """A row of RFC 4251 strings. Raises ValueError where it is cut off."""
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            raise ValueError("cut off")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def _ed25519(fields: list[bytes]) -> bool:
    return [len(field) for field in fields] == [32]


def _ecdsa(curve: str) -> Callable[[list[bytes]], bool]:
    def check(fields: list[bytes]) -> bool:
        return _point(curve, fields) and len(fields) == 2

    return check


def _point(curve: str, fields: list[bytes]) -> bool:
    """An uncompressed point (SEC 1, 2.3.3) on the curve that is named."""
    return (
        fields[0] == curve.encode() and len(fields[1]) == _CURVES[curve] and fields[1][:1] == b"\4"
    )


def _rsa(fields: list[bytes]) -> bool:
    exponent, modulus = fields
    positive = all(number and not number[0] & 0x80 for number in fields)
    large = int.from_bytes(modulus, "big").bit_length() >= LEAST_RSA
    return positive and large and int.from_bytes(exponent, "big") >= 3 and bool(exponent[-1] & 1)


def _sk_ed25519(fields: list[bytes]) -> bool:
    return len(fields) == 2 and len(fields[0]) == 32 and fields[1].startswith(b"ssh:")


def _sk_ecdsa(fields: list[bytes]) -> bool:
    return len(fields) == 3 and _point("nistp256", fields) and fields[2].startswith(b"ssh:")


_FORMS: Mapping[str, Callable[[list[bytes]], bool]] = {
    "ssh-ed25519": _ed25519,
    "ssh-rsa": _rsa,
    **{f"ecdsa-sha2-{curve}": _ecdsa(curve) for curve in _CURVES},
    "sk-ssh-ed25519@openssh.com": _sk_ed25519,
    "sk-ecdsa-sha2-nistp256@openssh.com": _sk_ecdsa,
}
