"""What a comparison of two contracts found, and who still uses a contract."""

import msgspec

from fairlead.checks.model import Level


class Place(msgspec.Struct, frozen=True):
    """Where in the new document: a file of the tree and its line (0: not known)."""

    path: str = ""
    line: int = 0


class Break(msgspec.Struct, frozen=True):
    """One way in which the new contract no longer keeps an old one.

    ``rule`` is oasdiff's id, or one of our own. ``subject`` names operation and field and is
    stable across commits; ``message`` is a sentence that begins with it.
    """

    rule: str
    level: Level
    subject: str
    message: str
    place: Place = Place()
    hint: str = ""


class Client(msgspec.Struct, frozen=True):
    """A client that was shipped with a release's contract, supported until a date."""

    name: str
    version: str
    until: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}" + (f" until {self.until}" if self.until else "")


class InUse(msgspec.Struct, frozen=True):
    """A contract that is in use: by a release that is ``served``, or by ``clients`` of it.

    ``path`` is where its text lies, for whoever reads files.
    """

    release: int
    path: str
    clients: tuple[Client, ...] = ()
    served: bool = False
