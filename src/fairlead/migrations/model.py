"""What migrations are made of and what running them showed, as frozen values."""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a migration does to releases that are older than it.

    The words are those of expand and contract (martinfowler.com/bliki/ParallelChange.html).
    """

    EXPAND = "expand"
    CONTRACT = "contract"
    DATA = "data"
    IRREVERSIBLE = "irreversible"


class Statement(msgspec.Struct, frozen=True):
    """One SQL statement and where it comes from: a line of the migration's file (0: not known)."""

    sql: str
    line: int = 0


class Migration(msgspec.Struct, frozen=True):
    """One migration that the change adds.

    ``statements`` is its SQL, None where that could not be had. ``code``: it runs a program of
    the team's besides. ``reversible``: its own tool can undo it (None: nothing says). ``atomic``:
    it runs in one transaction. ``operations`` are the (name, line) pairs that its tool knows.
    """

    name: str
    path: str
    statements: tuple[Statement, ...] | None = None
    code: bool = False
    reversible: bool | None = None
    atomic: bool = True
    operations: tuple[tuple[str, int], ...] = ()


class Column(msgspec.Struct, frozen=True):
    """A column as pg_attribute has it. ``number`` stays when it is renamed. ``fills``: the
    database gives a value where a writer gives none. ``labels`` are its enum's."""

    name: str
    number: int
    type: str
    required: bool = False
    fills: bool = False
    labels: tuple[str, ...] = ()


class Constraint(msgspec.Struct, frozen=True):
    """A rule that writes must keep to: a constraint, a unique index or a trigger.

    ``kind`` is pg_constraint's letter (c, f, p, u, x), or ``i`` for a unique index, ``t`` for a
    trigger, ``r`` for row security. ``text`` is its definition, without NOT VALID.
    """

    name: str
    kind: str
    text: str
    columns: tuple[str, ...] = ()


class Relation(msgspec.Struct, frozen=True):
    """A table or view, ``kind`` as in pg_class.relkind. ``id`` stays when it is renamed. ``rows``
    is how many it holds here."""

    name: str
    id: int
    kind: str = "r"
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    rows: int = 0


class Shape(msgspec.Struct, frozen=True):
    """What a database's catalogs say at one moment: relations and (name, arguments) of functions."""

    relations: tuple[Relation, ...] = ()
    functions: tuple[str, ...] = ()

    def relation(self, name: str) -> Relation | None:
        """The one of that name."""
        return next((one for one in self.relations if one.name == name), None)


class Verb(StrEnum):
    """What became of a thing that older code may count on."""

    GONE = "gone"
    REQUIRED = "required"
    RESTRICTED = "restricted"
    NARROWED = "narrowed"
    CHANGED = "changed"
    LABELS = "labels"


class Difference(msgspec.Struct, frozen=True):
    """One thing that the new shape takes from older code.

    ``column`` is "" for the relation itself; ``what`` says it in a clause; ``words`` are the names
    by which code would name it; ``unique``: rows that are there already may be against it.
    """

    verb: Verb
    relation: str
    column: str
    what: str
    words: tuple[str, ...] = ()
    unique: bool = False

    @property
    def subject(self) -> str:
        """Names it for a waiver."""
        return f"{self.relation}.{self.column}" if self.column else self.relation


class Traced(msgspec.Struct, frozen=True):
    """What one statement held on one relation that was there before the change.

    ``modes`` are the locks it held at its end (PostgreSQL's names), ``held`` those that its
    transaction had when it began. ``scans`` counts how often the relation was read from end to
    end meanwhile; ``rewritten``: every row was written anew.
    """

    transaction: int
    tag: str
    relation: str
    statement: str
    modes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    scans: int = 0
    rewritten: bool = False


class Trace(msgspec.Struct, frozen=True):
    """What statements were seen to hold, whether all of them were seen, and how many commands that
    define something there were."""

    whole: bool
    commands: int
    seen: tuple[Traced, ...]


class Touch(msgspec.Struct, frozen=True):
    """How often one relation was read and written while tests ran."""

    relation: str
    reads: int
    writes: int


class TestRun(msgspec.Struct, frozen=True):
    """How one run of a tests command went. ``unknown`` is why it says nothing ("": it says
    something). ``failing`` are names and errors, None where its output has none; ``count`` is how many
    tests ran (None: it does not say). ``tail`` is the end of what it said. ``unused`` is set where
    it used no table of its database, as tests that fail at once do: then it cannot pass."""

    __test__ = False  # not for pytest to collect

    code: int
    failing: dict[str, str] | None = None
    count: int | None = None
    tail: str = ""
    unknown: str = ""
    unused: str = ""

    @property
    def passed(self) -> bool:
        """Whether it ended with 0."""
        return not self.unknown and self.code == 0


class Mention(msgspec.Struct, frozen=True):
    """Where an older release's code names a thing. ``strong``: in SQL beside its table's name."""

    path: str
    line: int
    strong: bool = False
