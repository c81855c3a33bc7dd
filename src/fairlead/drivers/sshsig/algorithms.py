"""Signing and verifying with one key; cryptography does the arithmetic.

Sources: RFC 8709 (Ed25519), RFC 5656 (ECDSA), RFC 8332 (RSA with SHA-2; the SHA-1 form of
RFC 4253 is not accepted). Imports are inside the functions: they cost 40 ms, and most
commands of the command line verify nothing.
"""

from typing import TYPE_CHECKING

from fairlead.drivers.sshsig.form import Signature
from fairlead.drivers.sshsig.lines import PublicKey, string, take_string

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

MIN_RSA_BITS = 2048
_ED25519 = "ssh-ed25519"


def raw_verify(key: PublicKey, made: Signature, message: bytes) -> None:
    """Raises InvalidSignature, UnsupportedAlgorithm or ValueError unless ``made`` holds over the
    message."""
    if key.kind == _ED25519:
        _verify_ed25519(key, made, message)
    else:
        _verify_other(key, made, message)


def _verify_ed25519(key: PublicKey, made: Signature, message: bytes) -> None:
    """The machine's own kind, without what the others need: 8 ms of imports."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if made.algorithm != _ED25519:
        raise ValueError(f"the key does not make {made.algorithm} signatures")
    _, rest = take_string(key.blob)
    point, end = take_string(rest)  # RFC 8709, section 4
    if end:
        raise ValueError("bytes after the key")
    Ed25519PublicKey.from_public_bytes(point).verify(made.value, message)


def _verify_other(public: PublicKey, made: Signature, message: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    key = load_ssh_public_key(public.line.encode())
    if isinstance(key, ec.EllipticCurvePublicKey) and made.algorithm == _ec_name(key.curve):
        key.verify(_ec_der(made.value), message, ec.ECDSA(_ec_hash(key.curve)))
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        key.verify(made.value, message, PKCS1v15(), _rsa_hash(made.algorithm))
    else:
        raise ValueError(f"the key does not make {made.algorithm} signatures")


def raw_sign(key: "PrivateKey", message: bytes) -> tuple[str, bytes]:
    """The algorithm's name and the signature's value, as SSHSIG holds them."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _ED25519, key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        der = key.sign(message, ec.ECDSA(_ec_hash(key.curve)))
        return _ec_name(key.curve), _ec_value(der)
    return "rsa-sha2-512", key.sign(message, PKCS1v15(), _rsa_hash("rsa-sha2-512"))


def _ec_name(curve: object) -> str:
    sizes = {"secp256r1": "nistp256", "secp384r1": "nistp384", "secp521r1": "nistp521"}
    return f"ecdsa-sha2-{sizes.get(str(getattr(curve, 'name', '')), 'unknown')}"


def _ec_hash(curve: object) -> "hashes.SHA256 | hashes.SHA384 | hashes.SHA512":
    from cryptography.hazmat.primitives import hashes

    size = int(getattr(curve, "key_size", 0))  # RFC 5656 section 6.2.1
    if size <= 256:
        return hashes.SHA256()
    return hashes.SHA384() if size <= 384 else hashes.SHA512()


def _ec_der(value: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    r, rest = take_string(value)
    s, end = take_string(rest)
    if end:
        raise ValueError("bytes after the signature")
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def _ec_value(der: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    return b"".join(string(_mpint(number)) for number in decode_dss_signature(der))


def _mpint(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")  # a leading 0 bit: positive


def _rsa_hash(algorithm: str) -> "hashes.SHA256 | hashes.SHA512":
    from cryptography.hazmat.primitives import hashes

    if algorithm == "rsa-sha2-512":
        return hashes.SHA512()
    if algorithm == "rsa-sha2-256":
        return hashes.SHA256()
    raise ValueError(f"not an RSA signature algorithm of today: {algorithm}")
