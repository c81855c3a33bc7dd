"""What a living server is, as read; what is proposed of it; and an adoption under way.

Every fact has where it was found. A value that may be secret is a ``Secret``: no fact shows it.
"""

from enum import StrEnum

import msgspec

from fairlead.base.secret import Secret


class At(msgspec.Struct, frozen=True, order=True):
    """Where a fact was found: a file, and its line where it has one."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Variable(msgspec.Struct, frozen=True):
    """One value of an environment, and where it was found."""

    name: str
    value: Secret
    at: At


class ChangedFile(msgspec.Struct, frozen=True):
    """A file that differs from the commit: its bytes there and now, None for no file.

    ``ignored``: git ignores it, and something of the app needs it all the same.
    """

    path: str
    before: bytes | None
    after: bytes | None
    mode: str = "100644"
    ignored: bool = False


class Clone(msgspec.Struct, frozen=True):
    """The clone that serves. ``digest`` names the commit and everything that differs from it.

    ``stashes`` are git's own lines; ``ignored`` are files that git ignores and that matter.
    """

    path: str
    commit: str
    branch: str
    digest: str
    remotes: tuple[str, ...] = ()
    changed: tuple[ChangedFile, ...] = ()
    ignored: tuple[str, ...] = ()
    stashes: tuple[str, ...] = ()
    has_manifest: bool = False


class Words(msgspec.Struct, frozen=True):
    """A command line, split into words, and where it stands."""

    words: tuple[str, ...]
    at: At


class Unit(msgspec.Struct, frozen=True):
    """A unit of systemd that belongs to the clone, its drop-ins read.

    ``kind`` is service, socket or timer. ``listens`` are the addresses that its command, its
    program's own file or its socket name (``unix//run/shop.sock``, ``127.0.0.1:8000``);
    ``activates`` is what a socket or a timer starts, ``schedule`` when a timer does.
    """

    name: str
    kind: str
    at: At
    files: tuple[str, ...] = ()
    commands: tuple[Words, ...] = ()
    before: tuple[Words, ...] = ()
    directory: str = ""
    user: str = ""
    oneshot: bool = False
    enabled: bool = False
    variables: tuple[Variable, ...] = ()
    environment_files: tuple[Words, ...] = ()
    listens: tuple[str, ...] = ()
    activates: str = ""
    schedule: tuple[str, ...] = ()


class Pass(msgspec.Struct, frozen=True):
    """A ``proxy_pass`` (or a kin of it): what it is to, word for word, where that word stands
    in its file, and the addresses it leads to. ``location`` is the location it stands in."""

    kind: str
    to: str
    start: int
    end: int
    at: At
    location: str
    addresses: tuple[str, ...]
    host_header: bool


class Files(msgspec.Struct, frozen=True):
    """An ``alias`` or ``root``: the URL it serves, its directory, where the directive stands in
    its file (from its name to the end of its word), and whether its location tries files."""

    kind: str
    url: str
    directory: str
    start: int
    end: int
    at: At
    tries: bool


class Server(msgspec.Struct, frozen=True):
    """A server of nginx that sends requests to the clone's processes, or serves its files."""

    at: At
    file: str
    names: tuple[str, ...]
    listens: tuple[str, ...]
    certificate: str = ""
    passes: tuple[Pass, ...] = ()
    files: tuple[Files, ...] = ()


class Cron(msgspec.Struct, frozen=True):
    """A line of a crontab that names the clone."""

    text: str
    at: At


class Thing(msgspec.Struct, frozen=True):
    """What is at a path: file, directory, or nothing ("")."""

    path: str
    kind: str
    size: int = 0
    owner: str = ""


class Unread(msgspec.Struct, frozen=True):
    """What could not be read or understood, and why."""

    what: str
    why: str


class Living(msgspec.Struct, frozen=True):
    """A server that was set up by hand, as far as it concerns one clone.

    ``variables`` are those of ``.env`` files and of units' environment files, by file.
    ``digests`` are of the files of nginx's that the servers stand in. ``asked`` is what the app's
    own Python said of its settings (only when that was agreed to).
    """

    clone: Clone
    units: tuple[Unit, ...] = ()
    servers: tuple[Server, ...] = ()
    variables: tuple[Variable, ...] = ()
    crons: tuple[Cron, ...] = ()
    things: tuple[Thing, ...] = ()
    unread: tuple[Unread, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    asked: tuple[Variable, ...] = ()

    def thing(self, path: str) -> Thing:
        """What is at a path, "" for nothing."""
        return next((found for found in self.things if found.path == path), Thing(path, ""))


class Sealed(msgspec.Struct, frozen=True):
    """A value that becomes a secret: its name, why it is taken for one, and where it was found."""

    name: str
    value: Secret
    why: str
    at: At


class Plain(msgspec.Struct, frozen=True):
    """A value that becomes a plain setting."""

    name: str
    value: str
    why: str


class Rewrite(msgspec.Struct, frozen=True):
    """What was changed in a file of the overlay, and why: a sentence that shows no value."""

    at: At
    what: str


class Held(msgspec.Struct, frozen=True):
    """A file that the overlay does not take until it is mended, and why."""

    at: At
    why: str


class Kept(msgspec.Struct, frozen=True):
    """State that stays where it is: what it is, and its path. Where that is a directory in the
    clone, ``tree`` is its path in the tree and ``name`` the directory of the place's own that
    is to lead there; "" where the settings name the path."""

    what: str
    path: str
    at: At
    name: str = ""
    tree: str = ""


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place in a file of nginx's that the switch changes.

    ``kind`` is pass (the word after ``proxy_pass``) or files (an ``alias`` or ``root`` of the
    app's assets). ``was`` is what stands there now.
    """

    kind: str
    file: str
    start: int
    end: int
    was: str
    url: str = ""


class Front(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in front of the app today: names, files of nginx's by their digest, the places in
    them that the switch changes, and the addresses that requests go to until then."""

    names: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    edits: tuple[Edit, ...] = ()
    addresses: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()


class Outline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``adopt.json``: what a proposal was made of, so that carrying it out can tell whether
    that is still so.

    ``clocks`` are the roles that must never run twice, each with its unit: they stay by hand until
    it is confirmed. ``state`` are directories of the place's own and what they lead to;
    ``outside`` is what the app writes to elsewhere. ``proposed`` are the digests of the other
    files as they were written.
    """

    format: int
    app: str
    environment: str
    clone: str
    commit: str
    branch: str
    digest: str
    manifest: bool
    units: tuple[str, ...]
    front: Front
    clocks: tuple[tuple[str, str], ...] = ()
    state: tuple[tuple[str, str], ...] = ()
    outside: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    proposed: tuple[tuple[str, str], ...] = ()


class Proposal(msgspec.Struct, frozen=True):
    """The whole move, proposed. ``overlay`` are the files laid over the commit."""

    app: str
    environment: str
    manifest: str
    overlay: tuple[ChangedFile, ...]
    secrets: tuple[Sealed, ...]
    settings: tuple[Plain, ...]
    rewrites: tuple[Rewrite, ...]
    held: tuple[Held, ...]
    state: tuple[Kept, ...]
    front: Front
    replaced: tuple[str, ...]
    clocks: tuple[tuple[str, str], ...]
    not_understood: tuple[Unread, ...]
    by_hand: tuple[str, ...]
    notes: tuple[str, ...]


class Stage(StrEnum):
    """How far an adoption is."""

    AGREED = "agreed"  # the app is released here; users still come to the hand-made state
    SWITCHED = "switched"  # users come to the releases; the hand-made state runs on
    CONFIRMED = "confirmed"  # the old units are stopped and disabled
    UNDONE = "undone"  # users come to the hand-made state again


class Adoption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An adoption under way. ``before`` are nginx's files as they were, byte for byte (latin-1
    keeps every byte), ``stopped`` the units that ``confirm`` stopped,
    ``enabled`` those it disabled. ``manifest`` is the whole
    one, with the roles in ``clocks``; "" where the commit has one."""

    app: str
    environment: str
    stage: Stage
    clone: str
    units: tuple[str, ...]
    front: Front
    clocks: tuple[tuple[str, str], ...] = ()
    manifest: str = ""
    before: tuple[tuple[str, str], ...] = ()
    stopped: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
