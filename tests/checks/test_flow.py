"""Verifying a change, with real commands in real trees."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from apps import GIT, Kept, Repository, Tree, desk_in
from fairlead.base.errors import NotFound, Unknown
from fairlead.base.ids import CommitId
from fairlead.checks.flow import Asking, summary, verify
from fairlead.checks.model import Answer, Change, Surroundings, Verdict, Waiver
from fairlead.drivers.commands import Commands, stand_in
from fairlead.manifest.model import Check
from needs import missing, needs


class Room:
    """A desk, a repository, and what was said."""

    def __init__(self, root: Path, width: int = 4, **other: Any) -> None:
        self.repository = Repository(root)
        self.journal = Kept()
        self.heard: list[str] = []
        self.desk = desk_in(root, self.journal, width=width, **other)

    def verify(
        self, *checks: Check, commit: CommitId | None = None, key: str = "", **more: Any
    ) -> Verdict:
        change = self.repository.change(commit or self.repository.commit({"a": "1"}))
        asking = Asking(checks, self.repository.bare, Surroundings(key), Tree(), **more)
        return verify(self.desk, change, asking, self.heard.append)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def answers(verdict: Verdict) -> list[tuple[str, Answer]]:
    return [(result.name, result.answer) for result in verdict.results]


def test_every_answer_and_its_output(room: Room, tmp_path: Path) -> None:
    """Passed, failed, not known and not applicable side by side; all kept and journalled."""
    verdict = room.verify(
        Check("good", "echo fine"),
        Check("bad", "sh -c 'echo broken >&2; exit 3'"),
        Check("slow", "sleep 30", limit=1),
        Check("missing", "no-such-program"),
        Check("js", "false", only=("*.js",)),
        Check("after", "true", needs=("bad",)),
        Check("last", "true", needs=("good", "js")),
    )
    assert answers(verdict) == [
        ("good", Answer.PASSED),
        ("bad", Answer.FAILED),
        ("slow", Answer.NOT_KNOWN),
        ("missing", Answer.NOT_KNOWN),
        ("js", Answer.NOT_APPLICABLE),
        ("after", Answer.NOT_KNOWN),
        ("last", Answer.PASSED),
    ]
    assert verdict.answer is Answer.FAILED
    assert {"good | fine", "bad | broken"} <= set(room.heard)
    assert (tmp_path / "logs/demo" / verdict.commit / "bad.log").read_text() == "broken\n"
    assert room.journal.said() == [("verify", "intent"), ("verify", "failed")]
    assert room.journal.events[1].intent == 1
    assert "after not known (not asked: it needs bad" in room.journal.events[1].why
    assert room.desk.verdicts.get("demo", verdict.commit) == verdict
    assert os.listdir(tmp_path / "work") == []


def test_a_time_out_alone_is_not_known(room: Room) -> None:
    """And it is journalled as that."""
    assert room.verify(Check("slow", "sleep 30", limit=1)).answer is Answer.NOT_KNOWN
    assert room.journal.said()[-1] == ("verify", "unknown")


def test_no_checks_is_passed_and_says_so(room: Room) -> None:
    """Nothing was asked; nobody should think otherwise."""
    verdict = room.verify()
    assert verdict.answer is Answer.PASSED
    assert "nothing was asked" in summary(verdict)


def test_checks_cannot_disturb_each_other(room: Room) -> None:
    """Each has a tree, a home and a scratch directory of its own: both see a clean commit."""
    script = "sh -c 'test ! -e mine && touch mine $HOME/mine $TMPDIR/mine && rm a && sleep 0.2'"
    assert room.verify(Check("one", script), Check("two", script)).answer is Answer.PASSED


def test_a_check_that_follows_sees_a_clean_tree_too(room: Room) -> None:
    """What the first wrote is gone."""
    verdict = room.verify(
        Check("writes", "touch left"), Check("looks", "test ! -e left", needs=("writes",))
    )
    assert verdict.answer is Answer.PASSED


def test_as_many_run_at_once_as_the_desk_is_wide(tmp_path: Path) -> None:
    """Two that wait for each other pass when two may run, and only then."""
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    wait = "i=0; until [ -e {0}/{1} ]; do i=$((i+1)); [ $i -lt 40 ] || exit 1; sleep 0.05; done"
    checks = [
        Check(me, f"sh -c 'touch {meeting}/{me}; {wait.format(meeting, other)}'")
        for me, other in (("a", "b"), ("b", "a"))
    ]
    assert Room(tmp_path / "wide", width=2).verify(*checks).answer is Answer.PASSED
    for name in ("a", "b"):
        (meeting / name).unlink()
    narrow = Room(tmp_path / "narrow", width=1).verify(*checks)
    assert answers(narrow)[0] == ("a", Answer.FAILED)


def test_a_passed_verdict_is_used_again_and_others_are_not(room: Room, tmp_path: Path) -> None:
    """Only for the same tree, checks and dependencies."""
    commit = room.repository.commit({"a": "1"})
    counter = tmp_path / "asked"
    count = Check("count", f"sh -c 'echo >> {counter}'")

    def asked() -> int:
        return len(counter.read_text())

    first = room.verify(count, commit=commit)
    assert room.verify(count, commit=commit) == first
    assert asked() == 1
    assert "passed before" in room.heard[-1]
    room.verify(count, commit=commit, key="other dependencies")
    assert asked() == 2
    failing = Check("count", f"sh -c 'echo >> {counter}; exit 1'")
    room.verify(failing, commit=commit)
    room.verify(failing, commit=commit)
    assert asked() == 4


def test_a_damaged_verdict_is_asked_again(room: Room, tmp_path: Path) -> None:
    """And the person hears why."""
    commit = room.repository.commit({"a": "1"})
    room.verify(Check("good", "true"), commit=commit)
    (tmp_path / "verdicts/demo" / f"{commit}.json").write_text("{")
    assert room.verify(Check("good", "true"), commit=commit).answer is Answer.PASSED
    assert any("cannot be believed" in line for line in room.heard)


def test_a_check_sees_nothing_of_ours(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 13: no settings, no agents, no git variables; its own home."""
    commit = room.repository.commit({"a": "1"})
    for name in ("DATABASE_URL", "SSH_AUTH_SOCK", "GIT_DIR", "FAIRLEAD_HOME", "AWS_SECRET_KEY"):
        monkeypatch.setenv(name, "/ours")
    change = Change("demo", commit, GIT.tree_of(room.repository.bare, commit), "", "ada")
    asking = Asking((Check("env", "env"),), room.repository.bare, Surroundings(), Tree())
    verify(room.desk, change, asking, room.heard.append)
    seen = {line.removeprefix("env | ").partition("=")[0] for line in room.heard if "=" in line}
    assert seen == {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "TERM", "NO_COLOR", "CI",
                    "PYTHONUNBUFFERED"}  # fmt: skip


def test_a_commit_that_is_not_there_has_no_verdict(room: Room) -> None:
    """Nothing was begun."""
    change = Change("demo", CommitId("0" * 40), "0" * 40, "refs/heads/main", "ada")
    asking = Asking((Check("a", "true"),), room.repository.bare, Surroundings(), Tree())
    with pytest.raises(NotFound):
        verify(room.desk, change, asking, print)
    assert room.journal.said() == []
    assert room.desk.verdicts.get("demo", change.commit) is None


def test_links_to_dependencies_stand_in_the_tree(room: Room, tmp_path: Path) -> None:
    """As Node needs them; what the commit has itself stays."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/x").write_text("there")
    around = Surroundings("k", links=(("node_modules", str(tmp_path / "modules")), ("a", "/no")))
    change = room.repository.change(room.repository.commit({"a": "own"}))
    checks = (Check("look", "grep there node_modules/x"), Check("own", "grep own a"))
    asking = Asking(checks, room.repository.bare, around, Tree())
    verdict = verify(room.desk, change, asking, room.heard.append)
    assert verdict.answer is Answer.PASSED


def counting(tmp_path: Path, script: str = "true") -> tuple[str, Callable[[], int]]:
    """A command that leaves a mark outside, which no clean check does; and how often it ran."""
    marks = tmp_path / "marks"
    marks.touch()
    return f"sh -c 'echo >> {marks}; {script}'", lambda: len(marks.read_text())


def test_a_check_sees_only_what_it_reads(room: Room, tmp_path: Path) -> None:
    """What it does not declare is not there, so that it cannot change its answer."""
    command, asked = counting(tmp_path, "ls -R > seen; ! test -e b")
    check = Check("narrow", command, reads=("a", "src/**"))
    files = {"a": "1", "b": "1", "src/x/y": "1"}
    first = room.repository.commit(files)
    assert room.verify(check, commit=first).answer is Answer.PASSED
    elsewhere = room.repository.commit(files | {"b": "2"})
    verdict = room.verify(check, commit=elsewhere)
    (result,) = verdict.results
    assert (result.answer, asked()) == (Answer.PASSED, 1)
    assert result.earlier is not None
    assert result.earlier.commit == first
    assert any("as of" in line for line in room.heard)
    room.verify(check, commit=room.repository.commit(files | {"src/x/y": "2"}))
    assert asked() == 2


def test_an_answer_is_taken_from_another_commit_with_the_same_tree(room: Room, tmp_path) -> None:
    """And the verdict that refers to it never becomes a source itself."""
    command, asked = counting(tmp_path)
    first = room.repository.commit({"a": "1"})
    again = [room.repository.commit(subject=f"empty {n}") for n in range(2)]
    room.verify(Check("t", command), commit=first)
    for commit in again:
        (result,) = room.verify(Check("t", command), commit=commit).results
        assert result.earlier is not None
        assert result.earlier.commit == first
    assert asked() == 1


def test_an_answer_outlives_its_verdict_being_made_again(room: Room, tmp_path: Path) -> None:
    """A check that fails is asked again each time, and those beside it are not."""
    command, asked = counting(tmp_path)
    commit = room.repository.commit({"a": "1"})
    for _ in range(4):
        room.verify(Check("t", command), Check("bad", "false"), commit=commit)
    assert asked() == 1


def test_fresh_believes_nothing(room: Room, tmp_path: Path) -> None:
    """Every check is asked, whatever was answered before."""
    command, asked = counting(tmp_path)
    commit = room.repository.commit({"a": "1"})
    for _ in range(2):
        room.verify(Check("t", command), commit=commit, fresh=True)
    assert asked() == 2


def test_an_answer_grows_too_old(tmp_path: Path) -> None:
    """By its own longest age; and one from the future is no answer at all."""
    clock = Hands(1_000_000.0)
    room = Room(tmp_path, clock=clock)
    command, asked = counting(tmp_path)
    commit = room.repository.commit({"a": "1"})
    aging = Check("t", command, max_age=100)
    for later, count in ((0, 1), (99, 1), (2, 2), (-50, 3), (0, 3)):
        clock.time += later
        room.verify(aging, commit=commit)
        assert asked() == count, later


class Hands:
    """A clock that a test sets."""

    def __init__(self, time: float) -> None:
        self.time = time

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_a_poisoned_store_makes_nothing_green(room: Room, tmp_path: Path) -> None:
    """A verdict edited by hand, its signature kept, and a lead to another's verdict."""
    commit = room.repository.commit({"a": "1"})
    failing = Check("t", "false")
    room.verify(failing, commit=commit)
    path = tmp_path / "verdicts/demo" / f"{commit}.json"
    path.write_bytes(path.read_bytes().replace(b'"failed"', b'"passed"'))
    assert room.verify(failing, commit=commit).answer is Answer.FAILED
    passing = room.repository.commit({"a": "2"})
    room.verify(Check("t", "true"), commit=passing)
    keys = tmp_path / "verdicts/demo/keys"
    (key,) = {r.key for r in room.verify(failing, commit=commit).results}
    (keys / key.removeprefix("sha256:")).write_text(passing)
    assert room.verify(failing, commit=commit).answer is Answer.FAILED


def test_flaky_is_written_down(room: Room, tmp_path: Path) -> None:
    """Asked again only where the manifest says so, in a clean tree, and never silently."""
    script = f"test -e {tmp_path}/once || {{ touch {tmp_path}/once left; exit 1; }}; ! test -e left"
    verdict = room.verify(Check("t", f"sh -c '{script}'", retries=2))
    (result,) = verdict.results
    assert (result.answer, result.flaky) == (Answer.PASSED, True)
    assert result.reason.startswith("exit 0, after failing 1 of 2 times") or (
        "(as root)" in result.reason
    )
    assert "t passed (flaky)" in summary(verdict)
    (once,) = room.verify(Check("t", "false")).results
    assert (once.answer, once.flaky) == (Answer.FAILED, False)
    (never,) = room.verify(Check("t", "false", retries=2)).results
    assert (never.answer, never.flaky) == (Answer.FAILED, False)
    assert sum("asked again" in line for line in room.heard) == 3


def test_what_a_tool_points_at_is_found(room: Room) -> None:
    """File and line, of files that the commit has."""
    said = "echo src/a.py:3:1: E1 broken; echo /etc/passwd:1: no; exit 1"
    commit = room.repository.commit({"src/a.py": "x"})
    (result,) = room.verify(Check("lint", f"sh -c '{said}'"), commit=commit).results
    assert [(f.path, f.line) for f in result.findings] == [("src/a.py", 3)]


def test_a_waiver_lets_through_and_its_end_closes(room: Room) -> None:
    """The stored verdict is judged anew when what lets it through changes."""
    commit = room.repository.commit({"a": "1"})
    check = Check("t", "false")
    until = "2999-01-01"
    waiver = Waiver("t", "known", "ada", until)
    assert room.verify(check, commit=commit, waivers=(waiver,)).answer is Answer.PASSED
    assert room.journal.events[-1].outcome == "done"
    assert room.verify(check, commit=commit).answer is Answer.FAILED
    other = frozenset({"else"})
    checks = (check, Check("else", "true"))
    assert room.verify(*checks, commit=commit, required=other).answer is Answer.PASSED


def test_a_database_of_its_own(tmp_path: Path) -> None:
    """Real PostgreSQL and Redis, on sockets, empty for each check; gone afterwards."""
    needs("initdb", package="postgresql", adds="run checks with a real database")
    needs("redis-server", package="redis-server", adds="run checks with a real Redis")
    identity = stand_in()  # PostgreSQL starts for nobody who is root
    if identity is None and os.geteuid() == 0:
        missing("no cell can be made here, and PostgreSQL does not start as root")
    room = Room(tmp_path, runner=Commands(identity=identity))
    table = 'psql -qAt -d $DATABASE_URL -v ON_ERROR_STOP=1 -c "create table t (n int)"'
    socket = '$(echo $REDIS_URL | sed "s|^unix://||; s|?.*||")'
    once = f'test "$(redis-cli -s {socket} incr k)" = 1'
    make = f"sh -c '{table} && {once}'"
    checks = [Check(n, make, services=("postgres", "redis")) for n in ("one", "two")]
    verdict = room.verify(*checks)
    assert answers(verdict) == [("one", Answer.PASSED), ("two", Answer.PASSED)], room.heard


def test_a_service_that_cannot_be_had_is_not_known(room: Room, monkeypatch) -> None:
    """Never a silent green."""
    monkeypatch.setattr(room, "desk", replace(room.desk, services=NoServices()))
    (result,) = room.verify(Check("t", "true", services=("redis",))).results
    assert (result.answer, result.reason) == (Answer.NOT_KNOWN, "there is no redis here")


class NoServices:
    """A machine that has none."""

    def versions(self, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        return tuple((name, "") for name in names)

    def open(self, room: Path) -> "AbstractContextManager[NoServices]":
        return nullcontext(self)

    def give(self, names: tuple[str, ...], check: str) -> NoReturn:
        raise Unknown(f"there is no {names[0]} here", "apt install it")
