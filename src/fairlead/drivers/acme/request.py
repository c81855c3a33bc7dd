"""Keys and requests, in the form in which they are exchanged (PEM)."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


def account_key() -> bytes:
    """A new key for an account: RSA, which is what acme-tiny signs with."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def certificate_key() -> bytes:
    """A new key for a certificate: P-256, which every browser of ten years knows."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def request(key: bytes, names: Sequence[str]) -> bytes:
    """A request for a certificate of these names (RFC 2986), signed with its key."""
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
    builder = builder.add_extension(alternatives, critical=False)
    loaded = load_pem_private_key(key, password=None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return builder.sign(loaded, SHA256()).public_bytes(Encoding.PEM)


def _pem(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
