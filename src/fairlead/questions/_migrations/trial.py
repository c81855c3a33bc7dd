"""The trial: the old release's schema, the change's migrations on it, and tests on both.

Each run of tests has a fresh copy of its database, so that none sees what another one left.
"""

import secrets
from collections.abc import Sequence
from typing import Protocol

import msgspec

from fairlead.base.errors import Unknown
from fairlead.checks.model import Finding
from fairlead.migrations import failures
from fairlead.migrations.model import Migration, Shape, TestRun, Touch, Trace
from fairlead.migrations.shapes import same
from fairlead.migrations.statements import changes_schema
from fairlead.questions._migrations import commands, django
from fairlead.questions._migrations.given import Side

# A tool's own tables: that they are read says nothing of the app.
_BOOKS = frozenset(
    {"django_migrations", "django_content_type", "auth_permission", "alembic_version"}
)


class Engine(Protocol):
    """Where databases are made. Whatever goes wrong with it raises Unknown: it says nothing of
    the migrations."""

    def url(self, database: str) -> str:
        """Where a database is, as apps are told."""
        ...

    def create(self, databases: Sequence[str], template: str = "") -> dict[str, int]:
        """Databases, empty or as copies of another one that nobody is connected to; then what
        ``names`` answers."""
        ...

    def shape(self, database: str) -> Shape:
        """What its catalogs hold."""
        ...

    def touches(self, database: str) -> tuple[Touch, ...]:
        """How often its relations were read and written since it was made."""
        ...

    def trace(self, database: str) -> None:
        """From now on, write down what statements hold on what is there now."""
        ...

    def traced(self, database: str) -> tuple[Trace, Shape]:
        """What was written down, and what the catalogs hold. The database is then as if it had not
        been traced."""
        ...

    def names(self) -> dict[str, int]:
        """Every database there is, with what tells it from one made again. Raises Unknown unless
        the engine is the one it was."""
        ...

    def query(self, database: str, sql: str) -> str:
        """What SQL of ours gives, as text."""
        ...


class Tested(msgspec.Struct, frozen=True):
    """How tests went on a database, and what of it they touched."""

    run: TestRun
    touches: dict[str, Touch] = {}


class Trial:
    """One question's databases on one engine. ``tool`` is whose the migrations are, ``setting``
    names the variable with the URL, ``limit`` is in seconds, for one command. Every database's name
    has ``prefix`` in it."""

    def __init__(self, engine: Engine, tool: str, setting: str, limit: float) -> None:
        self._engine, self._tool, self._setting, self._limit = engine, tool, setting, limit
        self.prefix = f"fairlead_{secrets.token_hex(4)}"
        self._count = 0

    def environment(self, side: Side, database: str) -> dict[str, str]:
        """What a side's command runs with, on one database."""
        return side.environment | {self._setting: self._engine.url(database)}

    def old(self, before: Side) -> tuple[str, Shape]:
        """The schema of the release before, made by its own command. Raises Unknown."""
        if not before.migrate:
            raise Unknown(
                f"release {before.release} has no migrate command: nothing makes its schema"
            )
        database = self._name("old")
        self._engine.create([database])
        ran = self._run(before.migrate, before, database)
        if ran.unknown or ran.code:
            words = ran.unknown or f"ended with {ran.code}: {ran.tail}"
            raise Unknown(f"release {before.release}'s own migrate on an empty database {words}")
        shape = self._engine.shape(database)
        if not shape.relations:
            words = f"release {before.release}'s migrate left no table in the database it was given"
            raise Unknown(f"{words} in {self._setting}")
        return database, shape

    def copy(self, old: str) -> str:
        """A copy of the old database, traced from now on."""
        database = self._name("new")
        self._engine.create([database], old)
        self._engine.trace(database)
        return database

    def migrate(self, database: str, after: Side) -> tuple[commands.Ran, Trace, Shape]:
        """The change's own command on it, what it held, and what became of it. Raises Unknown."""
        if not after.migrate:
            raise Unknown("the change has no migrate command: nothing runs its migrations")
        ran = self._run(after.migrate, after, database)
        if ran.unknown:
            raise Unknown(f"the change's migrate {ran.unknown}")
        return ran, *self._engine.traced(database)

    def ran(self, old: Shape, new: Shape, trace: Trace, added: tuple[Migration, ...]) -> None:
        """Raises Unknown where the migrations cannot have run as their text says."""
        if not trace.whole:
            raise Unknown("the trace was switched off by a migration: what it held is not known")
        wanted = [one.name for one in added if changes_schema(one)]
        if wanted and not trace.commands and same(old, new):
            raise Unknown(f"the change's migrate left the schema as it was, without {wanted[0]}")

    def tests(
        self,
        side: Side,
        command: str,
        template: str,
        shape: Shape,
        lacks: tuple[Migration, ...] = (),
    ) -> Tested:
        """One run on a fresh copy of ``template``, whose shape is ``shape``. Migrations that the
        copy ``lacks`` are not run by the tests' own tool. Raises Unknown for the engine."""
        databases, before = self._copies(template)
        if lacks and self._tool == "django":
            self._engine.query(databases[-1], django.applied(lacks))
        argv = self._argv(command, side)
        ran = commands.run(argv, side.tree, self.environment(side, databases[0]), self._limit)
        later = self._engine.names()
        touches = self._touched(databases)
        used = any(one.reads + one.writes for one in touches.values() if one.relation not in _BOOKS)
        unused = f"use no table of the database they are given in {self._setting}"
        run = _test_run(ran, self._astray(before, later, databases, shape), "" if used else unused)
        return Tested(run, touches)

    def _argv(self, command: str, side: Side) -> tuple[str, ...]:
        argv = commands.words(command)
        if self._tool == "django":
            argv = django.test_command(command, side.tree, side.environment)
        return (*argv, "-rfE") if commands.is_pytest(argv) else argv

    def _copies(self, template: str) -> tuple[list[str], dict[str, int]]:
        """What the URL names and, for Django, the one its tests use instead; and all there are."""
        name = self._name("tests")
        names = [name, django.TEST_PREFIX + name] if self._tool == "django" else [name]
        return names, self._engine.create(names, template)

    def _touched(self, databases: list[str]) -> dict[str, Touch]:
        found: dict[str, Touch] = {}
        for database in databases:
            for one in self._engine.touches(database):
                was = found.get(one.relation, Touch(one.relation, 0, 0))
                reads, writes = was.reads + one.reads, was.writes + one.writes
                found[one.relation] = Touch(one.relation, reads, writes)
        return found

    def _astray(
        self, before: dict[str, int], now: dict[str, int], databases: list[str], shape: Shape
    ) -> str:
        """Why the tests may have run on another database than theirs; "" where they did not."""
        if any(now.get(name) != before[name] for name in databases):
            return "made their database anew: its schema is not the one to be tried"
        for name in sorted(now.keys() - before.keys()):
            if not same(self._engine.shape(name), shape):
                return f"made a database of their own, with another schema: {name}"
        return ""

    def _run(self, command: str, side: Side, database: str) -> commands.Ran:
        words = commands.words(command)
        ran = commands.run(words, side.tree, self.environment(side, database), self._limit)
        if ran.code:
            self._engine.names()
        return ran

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{self.prefix}_{self._count}_{what}"


def failed(ran: commands.Ran) -> tuple[Finding, ...]:
    """What the change's migrate command that did not end well means."""
    if not ran.code:
        return ()
    message = f"the change's migrations fail on the schema in production: {ran.tail}"
    hint = "the rows there may be against it: what a migration needs, it must make first"
    return (Finding("migrations.fails", message, subject="migrate", hint=hint),)


def _test_run(ran: commands.Ran, astray: str, unused: str) -> TestRun:
    unknown = ran.unknown
    if not unknown and ran.code == 127:
        unknown = f"could not be started: {ran.tail}"
    return TestRun(
        ran.code,
        failures.failing(ran.said),
        failures.count(ran.said),
        ran.tail,
        unknown or astray,
        unused,
    )
