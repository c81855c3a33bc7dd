"""Whether the release in production works on the schema that a change brings.

What the change adds is read (its SQL, by squawk), and run: on a throw-away PostgreSQL of the schema
of the release before, which is then asked what was locked and what is gone, and that release's
tests are run before and after. ``fairlead.migrations`` says what it means.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from fairlead.base.errors import Unknown
from fairlead.checks.model import Answer, Asked, Finding, Level, Reply
from fairlead.manifest.questions import Migrations
from fairlead.migrations import judging, locks, squawk, texts
from fairlead.migrations.judging import Judged
from fairlead.migrations.model import Difference, Kind, Migration, Shape, TestRun
from fairlead.migrations.shapes import differences
from fairlead.migrations.statements import kind_of, kinds
from fairlead.questions._migrations import alembic, django, found, plain, squawks, trial
from fairlead.questions._migrations.given import Given, Side, read
from fairlead.questions._migrations.mentions import Code
from fairlead.questions._migrations.postgres import Postgres

_T = TypeVar("_T")


class _Case(msgspec.Struct, frozen=True):
    """Everything that was asked, together."""

    question: Migrations
    given: Given
    after: Side
    found: found.Found


def answer(asked: Asked) -> Reply:
    """See the module. Raises Unknown for what was given in another form."""
    question, given = asked.question, read(asked.given)
    assert isinstance(question, Migrations)
    globs = question.files or given.files
    before = given.before.tree if given.before else ""
    seen = found.find(asked.tree, before, globs, question.tool)
    if seen is None:
        return Reply(Answer.NOT_APPLICABLE, "the tree has no migration")
    if not seen.added and not seen.findings:
        return Reply(Answer.NOT_APPLICABLE, "the change adds no migration")
    after = Side(asked.tree, environment=given.environment, migrate=given.migrate)
    return _Asking(_Case(question, given, after, seen)).reply()


class _Asking:
    """One question on its way: what was found so far, and what could not be known."""

    def __init__(self, case: _Case) -> None:
        self._case = case
        self._judged = Judged(case.found.findings)
        self._facts: list[tuple[str, str]] = []
        self._did: list[str] = []
        self._added: tuple[Migration, ...] = ()

    def reply(self) -> Reply:
        """Everything that can be tried is, whatever else cannot be."""
        before, given = self._case.given.before, self._case.given
        tried = False
        if before is None:
            self._did.append("first release: no older code runs on its schema")
            self._known(lambda: self._read(self._case.after.environment))
        elif not given.server:
            where = (
                "SQLite is not tried" if given.sqlite else "no throw-away PostgreSQL is to be had"
            )
            self._unknown(f"the migrations were not run: {where}")
            self._known(lambda: self._read(self._case.after.environment))
        else:
            tried = self._known(lambda: self._on_postgres(before, given.server)) is True
        self._known(lambda: self._squawk(tried))
        self._facts = [*_classes(self._added), *self._facts]
        return self._answer()

    def _on_postgres(self, before: Side, url: str) -> bool:
        server = Postgres(url, before.environment)
        question, limit = self._case.question, self._case.given.limit
        at = trial.Trial(server, self._case.found.tool, question.setting, limit)
        try:
            return self._run(before, at)
        finally:
            server.clean(at.prefix)

    def _run(self, before: Side, at: trial.Trial) -> bool:
        """Whether the migrations ran. Each step that gives no answer is said."""
        after = self._case.after
        old, old_shape = at.old(before)
        new = at.copy(old)
        with ThreadPoolExecutor(1) as beside:  # reads the old database, while the new one is made
            reading = beside.submit(self._read, at.environment(after, old))
            ran, trace, new_shape = at.migrate(new, after)
            self._known(reading.result)
        if findings := trial.failed(ran):
            self._judged += Judged(findings)
            return True
        at.ran(old_shape, new_shape, trace, self._added)
        self._did.append(f"{len(self._added)} new, run on the schema of release {before.release}")
        rows = _rows(old_shape) | self._case.given.rows
        self._judged += Judged(tuple(locks.findings(trace.seen, self._added, rows)))
        gone = differences(old_shape, new_shape)
        self._known(lambda: self._older(before, at, (old, old_shape), (new, new_shape), gone))
        if self._case.question.lags:
            self._known(lambda: self._lag(at, (old, old_shape), (new, new_shape)))
        return True

    def _older(
        self,
        before: Side,
        at: trial.Trial,
        old: tuple[str, Shape],
        new: tuple[str, Shape],
        gone: tuple[Difference, ...],
    ) -> None:
        """The release before on the new schema, and what other served releases name."""
        migrations = frozenset(self._case.found.paths)
        release = str(before.release)
        start = len(self._judged.findings)
        tests = before.tests or self._case.question.tests
        if not tests:
            self._unknown("no tests command: whether the release before works is not tried")
        baseline = trial.Tested(TestRun(0))
        for command in filter(None, (tests, *before.smoke)):
            tested = at.tests(before, command, *old)
            if command == tests:
                baseline = tested
            later = at.tests(before, command, *new)
            who, rule = _who(release, command, tests)
            judged = judging.tests(tested.run, later.run, rule, who, "on the new schema")
            self._judged += judged
            if judged == Judged():
                self._did.append(f"{who} pass on it as before")
        code = Code(before.tree, migrations)
        judged = judging.differences(gone, release, code.names, baseline.touches)
        self._judged += Judged(locks.placed(judged.findings, self._added), judged.unknown)
        needed = [release] if _errors(self._judged.findings[start:]) else []
        self._contract(gone, needed)

    def _contract(self, gone: tuple[Difference, ...], needed: list[str]) -> None:
        """From when on the old shape may go: when nothing that is served needs it."""
        for side in self._case.given.supported:
            code = Code(side.tree, frozenset(self._case.found.paths))
            early = judging.early(gone, str(side.release), code.names)
            self._judged += Judged(locks.placed(early, self._added))
            if early:
                until = f" ({side.until})" if side.until else ""
                needed.append(f"{side.release}{until}")
        if gone or any(kind_of(one) == Kind.CONTRACT for one in self._added):
            when = f"when release {', '.join(needed)} is no longer served" if needed else "now"
            self._facts.append(("contract-allowed-from", when))

    def _lag(self, at: trial.Trial, old: tuple[str, Shape], new: tuple[str, Shape]) -> None:
        """The change's own code on the old schema, where it says that it may be there first."""
        after, tests = self._case.after, self._case.question.tests
        if not tests:
            self._unknown(
                "no tests command: whether the change works on the old schema is not tried"
            )
            return
        own = at.tests(after, tests, *new)
        older = at.tests(after, tests, *old, lacks=self._added)
        who = "the change's tests"
        judged = judging.tests(own.run, older.run, "lags", who, "on the old schema")
        self._judged += judged
        if judged == Judged():
            self._did.append(f"{who} pass on the old schema too")

    def _read(self, environment: dict[str, str]) -> None:
        case = self._case
        paths, tree = case.found.added, case.after.tree
        migrate, limit = case.after.migrate, case.given.limit
        if not paths:
            return
        if case.found.tool == "sql":
            self._added = plain.read(tree, paths)
        elif case.found.tool == "alembic":
            self._added = alembic.read(tree, paths, migrate, environment, limit)
        else:
            self._added = django.read(tree, paths, migrate, environment, limit)

    def _squawk(self, tried: bool) -> None:
        said, files = squawks.ask(self._added, "")
        own = texts.findings(self._added)
        self._judged += Judged((*own, *squawk.findings(said, files, tried)))

    def _known(self, ask: Callable[[], _T]) -> _T | None:
        try:
            return ask()
        except Unknown as error:
            self._unknown(error.what)
            return None

    def _unknown(self, reason: str) -> None:
        self._judged += Judged(unknown=(reason,))

    def _answer(self) -> Reply:
        findings, unknown = self._judged.findings, self._judged.unknown
        errors = _errors(findings)
        facts = tuple(self._facts)
        did = f"{self._case.found.tool} ({self._case.found.why}): {'; '.join(self._did)}"
        if errors:
            more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
            return Reply(Answer.FAILED, f"{errors[0].message}{more}", findings, facts)
        if unknown:
            return Reply(Answer.NOT_KNOWN, "; ".join(dict.fromkeys(unknown)), findings, facts)
        return Reply(Answer.PASSED, did, findings, facts)


def _errors(findings: tuple[Finding, ...]) -> list[Finding]:
    return [one for one in findings if one.level == Level.ERROR]


def _who(release: str, command: str, tests: str) -> tuple[str, str]:
    if command == tests:
        return f"release {release}'s tests", "previous-tests"
    return f"release {release}'s smoke check `{command}`", "previous-smoke"


def _rows(shape: Shape) -> dict[str, int]:
    """Tables that are large already here; of the others nothing is known."""
    return {one.name: one.rows for one in shape.relations if one.rows >= locks.LARGE}


def _classes(migrations: tuple[Migration, ...]) -> list[tuple[str, str]]:
    facts = [(f"migration:{one.name}", str(kind_of(one))) for one in migrations]
    facts += [
        (f"irreversible:{one.name}", "its own tool cannot undo it")
        for one in migrations
        if Kind.IRREVERSIBLE in kinds(one)
    ]
    return facts
