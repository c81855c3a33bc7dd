"""People, the keys that they come with, and their rights."""

from enum import StrEnum

import msgspec

EVERY_APP = "*"


class Grant(StrEnum):
    """What a right is to do, each including less than the one below."""

    READ = "read"
    PUSH = "push"
    ADMIN = "admin"


class Right(msgspec.Struct, frozen=True, order=True):
    """One right. ``app`` is set for push alone: an app's name, or ``*`` for every one."""

    grant: Grant
    app: str = ""

    def __str__(self) -> str:
        return f"{self.grant}:{self.app}" if self.app else str(self.grant)


class Key(msgspec.Struct, frozen=True):
    """A public key: its algorithm and base64 blob as OpenSSH writes them, and its fingerprint
    as ``ssh-keygen -l`` prints it. ``added`` is RFC 3339 UTC."""

    algorithm: str
    blob: str
    fingerprint: str
    added: str = ""


class Person(msgspec.Struct, frozen=True):
    """Somebody, or a machine such as CI, that comes over SSH."""

    name: str
    keys: tuple[Key, ...]
    rights: tuple[Right, ...]
