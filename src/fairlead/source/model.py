"""The nouns of a source."""

from collections.abc import Mapping

import msgspec

from fairlead.base.secret import Secret
from fairlead.checks.model import Answer


class Address(msgspec.Struct, frozen=True):
    """Where a repository is: as git takes it, by which way ("https", "ssh", "file"), and for SSH
    the host, its port (0: the usual one) and the user."""

    url: str
    scheme: str
    host: str = ""
    port: int = 0
    user: str = ""


class Owed(msgspec.Struct, frozen=True):
    """An answer that the forge was not shown yet, and how often that was tried."""

    answer: Answer
    sentence: str
    tries: int = 0


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an app is pulled from, and how far that has come.

    ``every`` is in seconds; ``key`` the public half of its deploy key, "" for none;
    ``host_keys`` are the pinned lines of the host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
    ``seen`` is per branch the commit that was taken or refused last, ``gone`` the branches that
    were said to be missing there. ``failures`` counts those in a row, the last of them of the
    kind ``failing``.

    ``forge`` says what a host of one's own is (``fairlead.checks.forge_at``). ``owed`` are the
    answers that are still to be shown there, by commit, and ``untold`` is why the last one was
    not, "" where it was.
    """

    app: str
    address: Address
    branches: tuple[str, ...]
    every: int
    set_at: str
    key: str = ""
    host_keys: tuple[str, ...] = ()
    seen: Mapping[str, str] = {}
    gone: tuple[str, ...] = ()
    failing: str = ""
    failures: int = 0
    forge: str = ""
    owed: Mapping[str, Owed] = {}
    untold: str = ""


class Reach(msgspec.Struct, frozen=True):
    """What is needed to ask another repository: its address, the pinned keys of its host, and a
    deploy key where there is one."""

    address: Address
    host_keys: tuple[str, ...] = ()
    key: Secret | None = None
