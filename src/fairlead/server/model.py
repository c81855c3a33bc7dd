"""What a server should have, what it has, and the steps from one to the other."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from fairlead.certificates.model import LETS_ENCRYPT, Authority

ROOT = "root"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``/etc/fairlead/server.toml``: what a person decides about the machine.

    ``acme_directory``, ``acme_email`` and ``acme_root`` say whom certificates are asked for
    (``certificates.model.Authority``).
    """

    runtime: str = "systemd"
    proxy: str = "nginx"
    acme_directory: str = LETS_ENCRYPT
    acme_email: str = ""
    acme_root: str = ""

    @property
    def authority(self) -> Authority:
        """Whom certificates are asked for."""
        return Authority(self.acme_directory, self.acme_email, self.acme_root)


class Package(msgspec.Struct, frozen=True, tag=True):
    """A Debian package, and the program by which one sees that it is there."""

    name: str
    program: str
    why: str


class User(msgspec.Struct, frozen=True, tag=True):
    """A system user with a group of its own name. It has no password."""

    name: str
    home: str
    shell: str
    why: str


class Program(msgspec.Struct, frozen=True, tag=True):
    """Fairlead itself, installed: a directory named by its version and content."""

    directory: str
    version: str


class Directory(msgspec.Struct, frozen=True, tag=True):
    """A directory. ``owner`` is a user, and the group of that name."""

    path: str
    why: str
    mode: int = 0o755
    owner: str = ROOT


class File(msgspec.Struct, frozen=True, tag=True):
    """A file of root's. ``check`` is a command that must agree once it lies there; ``then``
    names what has to take note of a change (a unit, see ``Nudge``)."""

    path: str
    text: str
    why: str
    mode: int = 0o644
    check: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


class Link(msgspec.Struct, frozen=True, tag=True):
    """A symbolic link. ``ours`` is what targets of ours begin with."""

    path: str
    target: str
    why: str
    ours: str
    then: tuple[str, ...] = ()


class Unit(msgspec.Struct, frozen=True, tag=True):
    """A systemd unit that is enabled and, with ``now``, runs; else the agent starts it."""

    name: str
    why: str
    now: bool = True


class Wanted(msgspec.Struct, frozen=True):
    """What a server should have. ``nudges`` are the commands by which each is told of a change,
    in the order they are given."""

    program: Program
    packages: tuple[Package, ...]
    users: tuple[User, ...]
    directories: tuple[Directory, ...]
    files: tuple[File, ...]
    links: tuple[Link, ...]
    units: tuple[Unit, ...]
    nudges: Mapping[str, tuple[str, ...]]


class Kind(StrEnum):
    """What lies at a path."""

    NOTHING = "nothing"
    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


class At(msgspec.Struct, frozen=True):
    """What lies at a path: a file's text, a link's target."""

    kind: Kind = Kind.NOTHING
    owner: str = ""
    mode: int = 0
    text: str = ""


class UnitSeen(msgspec.Struct, frozen=True):
    """A unit, as systemd sees it."""

    enabled: bool = False
    active: bool = False
    masked: bool = False
    failed: bool = False


class Known(msgspec.Struct, frozen=True):
    """What we remember of a server: the digest of each file that we wrote, which program ran
    before, and whom we still have to tell of a change."""

    files: dict[str, str] = {}
    previous: str = ""
    owed: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """What a server has. ``users`` are home and shell by name."""

    packages: frozenset[str]
    users: dict[str, tuple[str, str]]
    programs: frozenset[str]
    paths: dict[str, At]
    units: dict[str, UnitSeen]
    known: Known


class Do(StrEnum):
    """What a step does."""

    INSTALL = "install"
    USER = "make user"
    PROGRAM = "install program"
    DIRECTORY = "make directory"
    OWN = "set owner and mode"
    WRITE = "write"
    LINK = "link"
    ENABLE = "enable and start"
    TELL = "tell"
    REMOVE = "remove"
    STOP = "stop and disable"


class Step(msgspec.Struct, frozen=True):
    """One effect on a server. ``before`` is a file's text or a link's target until now, and
    ``argv`` the command that does it, where a command does."""

    do: Do
    thing: str
    why: str
    argv: tuple[str, ...] = ()
    item: Package | User | Program | Directory | File | Link | Unit | None = None
    before: str = ""


class Held(msgspec.Struct, frozen=True):
    """What is not touched, and why. ``ours``: we wrote it once, and somebody changed it."""

    thing: str
    what: str
    hint: str
    ours: bool


class Difference(msgspec.Struct, frozen=True):
    """The way from what a server has to what it should have."""

    steps: tuple[Step, ...]
    held: tuple[Held, ...]


class Answer(StrEnum):
    """What a look at one thing found."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "not known"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, and the command that mends it."""

    thing: str
    answer: Answer
    sentence: str
    mend: str = ""


class Health(msgspec.Struct, frozen=True):
    """How a living server does. None, and empty texts: not known. Sizes are in bytes; times are
    in seconds since 1970. ``sshd`` is what it says of the git user (``sshd -T``)."""

    agent: tuple[str, str] | None
    failed: tuple[str, ...]
    masked: tuple[str, ...]
    proxy_runs: bool
    proxy_refuses: str
    disk: tuple[int, int]
    memory: tuple[int, int]
    synchronised: bool | None
    sshd: dict[str, str]
    certificates: tuple[tuple[str, float], ...]
    reboot: bool
    now: float
    recorded: float
