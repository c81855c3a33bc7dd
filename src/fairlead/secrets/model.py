"""The nouns of ``secrets.sealed``: names readable, values sealed."""

import msgspec


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value that a secret had. ``number`` counts from 1 and is never given twice.

    ``key`` is the id of the key it is sealed with; ``sealed`` is base64 of nonce, ciphertext
    and tag. ``at`` is RFC 3339, ``who`` set it.
    """

    number: int
    key: str
    sealed: str
    at: str
    who: str


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One secret: the version that the next release names (0: it was unset), and all it had.

    Older versions stay, because a release that names one can be gone back to (promise 11).
    """

    current: int
    versions: tuple[Version, ...]

    def version(self, number: int) -> Version | None:
        """The version of that number, or None."""
        return next((version for version in self.versions if version.number == number), None)


class SealedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``secrets.sealed`` of one place: its secrets by name."""

    format: int
    secrets: dict[str, Kept] = {}

    def current(self) -> tuple[tuple[str, int], ...]:
        """(name, version) of every secret that is set, sorted: what a release names."""
        return tuple(
            sorted((name, kept.current) for name, kept in self.secrets.items() if kept.current)
        )
