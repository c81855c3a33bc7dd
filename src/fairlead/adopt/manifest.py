"""The manifest of a hand-made app: what ``fairlead init`` guesses, corrected by what runs: pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from fairlead.adopt.commands import Told
from fairlead.adopt.django import Settled
from fairlead.adopt.model import Unit
from fairlead.base.errors import UsageError
from fairlead.manifest.guess import checked
from fairlead.manifest.guess.draft import Draft, written
from fairlead.manifest.guess.repository import Repository
from fairlead.manifest.rules import parse

BY = "fairlead adopt"
_ANSWERED = re.compile(r"may be secret, so not in|also reads |does not load without |ALLOWED_HOSTS"
                       r"|keeps SQLite inside|does not read DATABASE_URL|has no value yet"
                       r"|the web role uses|stand-ins\)")  # fmt: skip
"""What ``init`` leaves to the person, and the living server answers."""


class Given(NamedTuple):
    """What the environment gives: names of secrets and of plain settings."""

    secrets: Sequence[str]
    settings: Sequence[str]


def corrected(
    draft: Draft,
    told: Sequence[tuple[Unit, Told]],
    settled: Settled,
    given: Given,
    environment: str,
) -> None:
    """Correct a draft by what runs."""
    draft.todo[:] = [sentence for sentence in draft.todo if not _ANSWERED.search(sentence)]
    draft.rename("environment.local", f"environment.{environment}")
    _roles(draft, told)
    _settings(draft, settled, given, environment)
    for kept in settled.state:
        if kept.name:
            draft.add("state", kept.name, kept.tree, f"{kept.what} outlives releases")


def text(draft: Draft, repository: Repository, environment: str) -> str:
    """The manifest's text. Raises UsageError when it would be none."""
    return checked(written(draft, repository, environment, BY), repository.directory).text


def without_roles(text: str, names: Sequence[str]) -> str:
    """A manifest's text without some roles' tables. Raises UsageError where they stay in it."""
    if not text or not names:
        return text
    kept, skipping = list[str](), False
    for line in text.split("\n"):
        if line.startswith("["):
            skipping = line.strip() in {f"[role.{name}]" for name in names}
        kept += [] if skipping else [line]
    left = "\n".join(kept)
    still = {role.name for role in parse(left).roles} & set(names)
    if still:
        what = f"fairlead.toml: role {', '.join(sorted(still))} must not run twice"
        raise UsageError(what, "write it as a table of its own: [role.NAME]")
    return left


def _roles(draft: Draft, told: Sequence[tuple[Unit, Told]]) -> None:
    """The roles that units run, and no other: what nobody runs is not production's."""
    named = {f"role.{one.role}" for _, one in told}
    for table in [t for t in draft.tables if t.startswith("role.") and t != "role.web"]:
        if table not in named:
            draft.drop(table)
            draft.todo.append(f"the code has a {table.removeprefix('role.')}, and no unit runs one")
    for unit, one in told:
        table, why = f"role.{one.role}", f"{unit.name}: ExecStart ({unit.at})"
        draft.replace(table, "command", one.command, why)
        if one.kind == "clock" and draft.value(table, "singleton") is None:
            draft.add(table, "singleton", True, "two would do everything twice")
        jobs = one.kind == "worker" and "celery" in one.command
        if jobs and draft.value(table, "stop_limit") is None:
            draft.add(table, "stop_limit", "5m", "on SIGTERM Celery ends the jobs it has")


def _settings(draft: Draft, settled: Settled, given: Given, environment: str) -> None:
    """What ``init`` would set goes where production has a value of its own."""
    table = f"environment.{environment}.settings"
    mine = {*given.secrets, *given.settings}
    database = draft.value("migrate", "database")
    lines = [
        line
        for line in draft.tables.get(table, [])
        if line.key not in mine and not (line.key == database and settled.database != "url")
    ]
    required = list(given.secrets)
    if database and database not in mine:
        # Not "sqlite:///{data}…": the database there is would be left for an empty one.
        lines = [line for line in lines if line.key != database]
        required.append(database)
        draft.todo.append(f"{database} has no value yet: fairlead adopt did not find the database")
    if lines:
        draft.tables[table] = lines
    else:
        draft.drop(table)
    if required:
        why = "nothing is released here without these; fairlead secret list says what they have"
        draft.add(f"environment.{environment}", "secrets", sorted(set(required)), why)
