"""Private keys as text, and tokens that are signed: their inside says what they are."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from fairlead.leaks.model import Leak

# RFC 7468, sections 10 and 11; the OpenSSH and PGP (RFC 9580, 6.2.1) forms of the same, with their
# headers (RFC 1421, 4.6). What stands between lines may be an escaped line end, in JSON and in code.
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\"',+]|\\[nr]|[A-Z][A-Za-z-]{1,30}: [^\n\\]{0,200}(?:\n|\\n)){0,200}"
    r"(?P<body>[A-Za-z0-9+/=](?:[A-Za-z0-9+/=\s\"',]|\\[nr]){40,100000})"
)
# The same in base64, as kubeconfigs and Secrets of Kubernetes have it: "-----BEGIN " and a kind.
_ENCODED = ("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t", "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt",
            "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0t",
            "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0t")  # fmt: skip
_PUTTY = re.compile(r"PuTTY-User-Key-File-[0-9]: [a-z0-9-]{3,40}")
# RFC 7519 and 7515: a header and claims, both JSON, and a signature.
_SIGNED = re.compile(r"(?<![A-Za-z0-9_-])eyJ[\w-]{10,2000}\.(eyJ[\w-]{10,8000})\.[\w-]{20,1400}")
SMALLEST = 64
"""Characters of base64 that the smallest private key has: Ed25519 in PKCS #8 (RFC 8410, 7)."""

LONG = 30 * 86_400
"""Seconds. A signed token that holds longer is a password."""
_HINT = "make another one, take this one out of use, and keep the new one out of the repository"


def private_keys(text: str) -> Iterator[Leak]:
    """Private keys that have a body: a mere heading, in code that looks for keys, is none."""
    for found in _PEM.finditer(text) if "PRIVATE KEY" in text else ():
        body = re.sub(r"\\[nr]|[^A-Za-z0-9+/=]", "", found["body"])
        if len(body) >= SMALLEST and len({*body}) > 16:  # not a row of x
            yield Leak("private-key", "a private key", body, found.start(), hint=_HINT)
    for mark in _ENCODED:
        start = text.find(mark)
        while start >= 0:
            whole = re.compile(r"[A-Za-z0-9+/=]*").match(text, start)
            value = whole.group() if whole else mark
            if len(value) > 100:
                yield Leak("private-key", "a private key in base64", value, start, hint=_HINT)
            start = text.find(mark, start + len(value))
    for found in _PUTTY.finditer(text) if "PuTTY-User-Key" in text else ():
        yield Leak(
            "private-key", "a private key of PuTTY", found.group(), found.start(), hint=_HINT
        )


def signed_tokens(text: str) -> Iterator[Leak]:
    """Signed tokens (JWT) that hold for long, or for ever."""
    for found in _SIGNED.finditer(text) if "eyJ" in text else ():
        if ends := _holds(_claims(found[1])):
            what = f"a signed token that {ends}"
            yield Leak("signed-token", what, found.group(), found.start(), hint=_HINT)


def _claims(part: str) -> dict[str, Any]:
    try:
        data = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _holds(claims: dict[str, Any]) -> str:
    """How long it holds, as a phrase; "" where that is short, or it is a sample or public.

    ``1234567890`` is whom the sample of jwt.io speaks of; ``anon`` is the role that Supabase gives
    to browsers (supabase.com/docs/guides/api/api-keys).
    """
    if not claims or claims.get("sub") == "1234567890" or claims.get("role") == "anon":
        return ""
    ends, made = claims.get("exp"), claims.get("iat", claims.get("nbf"))
    if ends is None:
        return "never ends"
    if isinstance(ends, int | float) and isinstance(made, int | float) and ends - made > LONG:
        return f"holds {(ends - made) / 86_400:.0f} days"
    return ""
