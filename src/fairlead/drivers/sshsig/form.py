"""The bytes of an SSH signature, made and taken apart; OpenSSH's PROTOCOL.sshsig."""

import base64
import binascii
import hashlib
import re

import msgspec

from fairlead.base.errors import Refused
from fairlead.drivers.sshsig.lines import string, take_string

BY_HAND = "sign by hand: ssh-keygen -Y sign -n {} -f KEY FILE, and give the FILE.sig it writes"
HASH = "sha512"  # what ssh-keygen -Y sign uses unless told otherwise
_MAGIC = b"SSHSIG"
_VERSION = (1).to_bytes(4, "big")
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_ARMOR = re.compile(rf"\s*{_BEGIN}\s+([A-Za-z0-9+/=\s]+?)\s*{_END}\s*")
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_LINE = 70


class Signature(msgspec.Struct, frozen=True):
    """An SSHSIG, taken apart. ``blob`` is the public key, ``value`` the signature in it."""

    blob: bytes
    namespace: str
    hash: str
    algorithm: str
    value: bytes


def signed_bytes(namespace: str, hash_name: str, data: bytes) -> bytes:
    """What is really signed: PROTOCOL.sshsig, section 2."""
    hashed = _HASHES[hash_name](data).digest()
    fields = (namespace.encode(), b"", hash_name.encode(), hashed)
    return _MAGIC + b"".join(string(field) for field in fields)


def armored(made: Signature) -> bytes:
    """The signature as text: PROTOCOL.sshsig, section 1."""
    inner = string(made.algorithm.encode()) + string(made.value)
    fields = (made.blob, made.namespace.encode(), b"", made.hash.encode(), inner)
    body = _MAGIC + _VERSION + b"".join(string(field) for field in fields)
    text = base64.b64encode(body).decode()
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def parse_signature(signature: bytes) -> Signature:
    """Take an armoured signature apart. Raises Refused."""
    try:
        return _parsed(_body(signature))
    except (ValueError, binascii.Error) as error:
        raise Refused(f"not an SSH signature: {error}", BY_HAND.format("NAMESPACE")) from error


def _body(signature: bytes) -> bytes:
    found = _ARMOR.fullmatch(signature.decode("ascii"))
    if found is None:
        raise ValueError(f"expected {_BEGIN} … {_END}")
    return base64.b64decode("".join(found.group(1).split()), validate=True)


def _parsed(body: bytes) -> Signature:
    if body[:10] != _MAGIC + _VERSION:
        raise ValueError("it is not version 1")
    blob, rest = take_string(body[10:])
    namespace, rest = take_string(rest)
    _reserved, rest = take_string(rest)
    hash_name, rest = take_string(rest)
    inner, rest = take_string(rest)
    algorithm, tail = take_string(inner)
    value, more = take_string(tail)
    if rest or more or hash_name.decode() not in _HASHES:
        raise ValueError("it holds something unknown")
    return Signature(blob, namespace.decode(), hash_name.decode(), algorithm.decode(), value)
