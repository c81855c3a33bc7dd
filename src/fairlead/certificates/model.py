"""The nouns of certificates. Times are seconds since 1970."""

from collections.abc import Sequence

import msgspec

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


class Authority(msgspec.Struct, frozen=True):
    """Who is asked for certificates: the URL of its directory (RFC 8555, 7.1.1).

    ``email`` is told to it, "" for none. ``root`` is a PEM file of whom to trust on the way there,
    "" for whom the machine trusts.
    """

    directory: str = LETS_ENCRYPT
    email: str = ""
    root: str = ""


class Held(msgspec.Struct, frozen=True):
    """A certificate that is there, and for which names."""

    names: tuple[str, ...]
    begins: float
    ends: float
    serial: str

    def covers(self, names: Sequence[str]) -> bool:
        """Whether it is one for all of these."""
        return set(names) <= set(self.names)


class Fault(msgspec.Struct, frozen=True):
    """Why there is none, or no newer one: the last of ``times`` tries in a row, and what to do."""

    at: float
    times: int
    what: str
    hint: str = ""
