"""One byte form for a value, so that equal values have equal digests.

The form is the JSON Canonicalization Scheme (RFC 8785) for the values Fairlead
writes: objects with ASCII keys, arrays, strings, booleans, null and whole
numbers. Floating-point numbers are refused, because their text form is where
canonical encoders differ.
"""

import hashlib
import json
from typing import Any

from fairlead.base.ids import Digest


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of ``value``. Raises TypeError on a float or an unknown type."""
    _refuse_floats(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def digest_of(data: bytes) -> Digest:
    """``sha256:`` and 64 hex digits (the OCI image spec's digest form)."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def digest(value: Any) -> Digest:
    """The digest of a value's canonical bytes."""
    return digest_of(canonical(value))


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"a float has no canonical form here: {value!r}")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
