"""Names and numbers that stand for things, and the only way to make one from text."""

import re
from typing import NamedTuple, NewType

from fairlead.base.errors import UsageError

CommitId = NewType("CommitId", str)
"""40 lower-case hex digits."""

Digest = NewType("Digest", str)
"""``sha256:`` and 64 lower-case hex digits."""

# One DNS label (RFC 1123) short enough that a unix socket's path (108 bytes,
# unix(7)) still fits with a directory, a release number and a copy's index.
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NAME_RULE = "a-z, 0-9 and -, starting with a letter, not ending with -, at most 32 characters"


class Place(NamedTuple):
    """Where a release runs: one app in one environment."""

    app: str
    environment: str

    def __str__(self) -> str:
        return f"{self.app}/{self.environment}"


def is_name(text: str) -> bool:
    """Whether ``text`` may name an app, an environment, a role or a check."""
    return _NAME.fullmatch(text) is not None


def name(text: str, what: str) -> str:
    """``text`` as the name of a ``what`` ("app", "role"). Raises UsageError."""
    if is_name(text):
        return text
    raise UsageError(f"not a name for {what}: {text!r}", f"use {NAME_RULE}")


def commit_id(text: str) -> CommitId:
    """A full commit id. Raises UsageError on anything else."""
    if _COMMIT.fullmatch(text):
        return CommitId(text)
    raise UsageError(f"not a full commit id: {text!r}", "git rev-parse REVISION prints one")


def digest_id(text: str) -> Digest:
    """A digest in its OCI form. Raises UsageError on anything else."""
    if _DIGEST.fullmatch(text):
        return Digest(text)
    raise UsageError(f"not a digest: {text!r}", "a digest is sha256: and 64 hex digits")
