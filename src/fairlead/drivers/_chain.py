"""A certificate with its chain, as PEM, read."""

from itertools import pairwise
from typing import TYPE_CHECKING

from fairlead.certificates.model import Held

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def held(chain: bytes, key: bytes = b"") -> Held:
    """What a chain's first certificate is for. Raises ValueError when it is none, when a link of
    the chain does not hold, or when it is not for ``key``."""
    from cryptography import x509  # few commands need it
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    links = x509.load_pem_x509_certificates(chain)
    _refuse_broken(links)
    leaf = links[0]
    if key and load_pem_private_key(key, None).public_key() != leaf.public_key():
        raise ValueError("the certificate is for another key")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Held(
        tuple(names.get_values_for_type(x509.DNSName)),
        leaf.not_valid_before_utc.timestamp(),
        leaf.not_valid_after_utc.timestamp(),
        f"{leaf.serial_number:x}",
    )


def _refuse_broken(links: "list[Certificate]") -> None:
    from cryptography.exceptions import InvalidSignature

    for one, issuer in pairwise(links):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise ValueError("a certificate of the chain was not issued by the next") from error
