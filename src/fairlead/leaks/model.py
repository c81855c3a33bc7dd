"""A secret that was found in a text."""

import hashlib

import msgspec

from fairlead.checks.model import Level

SHORT = 20
"""Characters. Of a shorter secret no part is shown, and little of its hash: it could be guessed."""


class Leak(msgspec.Struct, frozen=True):
    """One secret: ``rule`` without its ``secrets.``, what it is, and where in the text it begins."""

    rule: str
    what: str
    value: str
    start: int
    level: Level = Level.ERROR
    hint: str = ""

    @property
    def shown(self) -> str:
        """As much of it as a person may read: where it begins, and how long it is."""
        size = f"{len(self.value)} characters"
        return f"{self.value[:4]}…, {size}" if len(self.value) >= SHORT else size

    @property
    def subject(self) -> str:
        """Names it wherever it stands: the first digits of its SHA-256.

        16 bits of a short one: whoever knows them and tries a million passwords has fifteen that
        fit.
        """
        digits = 12 if len(self.value) >= SHORT else 4
        return hashlib.sha256(self.value.encode("utf-8", "replace")).hexdigest()[:digits]

    def __repr__(self) -> str:
        return f"Leak({self.rule!r}, {self.shown!r}, {self.start})"
