"""What views look like: golden pairs, in a pipe and on a terminal of 80 columns.

`tests/cases/cli/<view>-<case>/` holds `view.json`, `pipe.txt` and `terminal.txt`.
FAIRLEAD_TEST_WRITE=1 writes the texts anew; read the difference before you commit it.
"""

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead.base.clock import seconds_of
from fairlead.cli import (
    agent,
    changed,
    database,
    drift,
    plan,
    record,
    releases,
    secret,
    source,
    status,
    trace,
    watching,
)
from fairlead.cli.paper import Paper, Terminal
from fairlead.record.model import Changed, Trace
from fairlead.service.answers.plan import PlanTold
from fairlead.service.answers.record import Checked
from fairlead.service.answers.releases import Releases
from fairlead.service.answers.status import Status
from fairlead.service.database import DatabaseShown
from fairlead.service.machine import AgentSeen
from fairlead.service.secret_key import KeysSeen
from fairlead.service.secrets import SecretList
from fairlead.service.source import Pulled, SourceList

CASES = Path(__file__).parent.parent / "cases" / "cli"
WRITE = bool(os.environ.get("FAIRLEAD_TEST_WRITE"))
NOW = seconds_of("2026-11-21T15:42:03.000000Z")
VIEWS: dict[str, tuple[type, Callable[[Paper, Any], None]]] = {
    "agent": (AgentSeen, agent.write),
    "changed": (Changed, changed.write),
    "database": (DatabaseShown, database.write),
    "drift": (drift.DriftTold, drift.write),
    "ended": (watching.Asked, watching.write),
    "plan": (PlanTold, plan.write),
    "keys": (KeysSeen, secret.keys),
    "pulled": (Pulled, source.write_pulled),
    "releases": (Releases, releases.write),
    "secrets": (SecretList, secret.write),
    "sources": (SourceList, source.write),
    "status": (Status, status.write),
    "trace": (Trace, trace.write),
    "verify": (Checked, record.verified),
}


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are shown in the machine's zone: here it is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(case: Path, kind: str) -> str:
    form, write = VIEWS[case.name.partition("-")[0]]
    stream = io.StringIO()
    plain = kind == "pipe"
    paper = Paper(stream, NOW) if plain else Terminal(stream, NOW, width=80)
    write(paper, msgspec.json.decode((case / "view.json").read_bytes(), type=form))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_a_view_is_shown_as_it_should_be(case: Path, kind: str) -> None:
    """The same view, in a pipe and on a terminal."""
    found, expected = shown(case, kind), case / f"{kind}.txt"
    if WRITE:
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_a_view_drives_no_terminal(case: Path) -> None:
    """No colour in a pipe; no escape code of somebody else's anywhere."""
    for kind in ("pipe", "terminal"):
        assert "\x1b" not in shown(case, kind)


def test_every_view_has_a_case() -> None:
    """A new view comes with a golden pair."""
    assert {case.name.partition("-")[0] for case in CASES.iterdir()} == set(VIEWS)


def test_a_terminal_has_colour_and_a_hostile_subject_no_say() -> None:
    """What a commit says cannot colour, move or hide anything (and rich's markup is text)."""
    from rich.console import Console

    stream = io.StringIO()
    paper = Terminal(stream, NOW, width=80)
    paper._console = Console(
        file=stream, force_terminal=True, color_system="standard", width=80, markup=False
    )
    paper.line(("serves", "good"), " \x1b]0;owned\x07[bold red]x[/] \x1b[2J\u202ey")
    assert stream.getvalue() == "\x1b[32mserves\x1b[0m [bold red]x[/] ·y\n"
