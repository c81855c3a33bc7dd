"""Verifying a change, with real commands in real trees."""

import os
from pathlib import Path

import pytest

from apps import GIT, Kept, Repository
from fairlead.base.errors import NotFound
from fairlead.base.ids import CommitId
from fairlead.checks.flow import Desk, summary, verify
from fairlead.checks.model import Answer, Change, Surroundings, Verdict
from fairlead.drivers.commands import Commands
from fairlead.drivers.verdicts import VerdictFiles
from fairlead.manifest.model import Check


class Room:
    """A desk, a repository, and what was said."""

    def __init__(self, root: Path, width: int = 4) -> None:
        self.repository = Repository(root)
        self.journal = Kept()
        self.heard: list[str] = []
        self.desk = Desk(
            sources=GIT,
            runner=Commands(grace=0.2),
            verdicts=VerdictFiles(root / "verdicts"),
            journal=self.journal,
            work=root / "work",
            logs=root / "logs",
            width=width,
        )

    def verify(self, *checks: Check, commit: CommitId | None = None, key: str = "") -> Verdict:
        change = self.repository.change(commit or self.repository.commit({"a": "1"}))
        return verify(
            self.desk, change, checks, self.repository.bare, Surroundings(key), self.heard.append
        )


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
    assert any("cannot be read" in line for line in room.heard)


def test_a_check_sees_nothing_of_ours(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 13: no settings, no agents, no git variables; its own home."""
    commit = room.repository.commit({"a": "1"})
    for name in ("DATABASE_URL", "SSH_AUTH_SOCK", "GIT_DIR", "FAIRLEAD_HOME", "AWS_SECRET_KEY"):
        monkeypatch.setenv(name, "/ours")
    change = Change("demo", commit, GIT.tree_of(room.repository.bare, commit), "", "ada")
    desk, bare = room.desk, room.repository.bare
    verify(desk, change, (Check("env", "env"),), bare, Surroundings(), room.heard.append)
    seen = {line.removeprefix("env | ").partition("=")[0] for line in room.heard if "=" in line}
    assert seen == {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "TERM", "NO_COLOR", "CI",
                    "PYTHONUNBUFFERED"}  # fmt: skip


def test_a_commit_that_cannot_be_laid_out_has_no_verdict(room: Room) -> None:
    """The intent gets an outcome all the same: nobody can say."""
    change = Change("demo", CommitId("0" * 40), "0" * 40, "refs/heads/main", "ada")
    with pytest.raises(NotFound):
        verify(
            room.desk, change, (Check("a", "true"),), room.repository.bare, Surroundings(), print
        )
    assert room.journal.said() == [("verify", "intent"), ("verify", "unknown")]
    assert room.desk.verdicts.get("demo", change.commit) is None


def test_links_to_dependencies_stand_in_the_tree(room: Room, tmp_path: Path) -> None:
    """As Node needs them; what the commit has itself stays."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/x").write_text("there")
    around = Surroundings("k", links=(("node_modules", str(tmp_path / "modules")), ("a", "/no")))
    change = room.repository.change(room.repository.commit({"a": "own"}))
    checks = (Check("look", "grep there node_modules/x"), Check("own", "grep own a"))
    verdict = verify(room.desk, change, checks, room.repository.bare, around, room.heard.append)
    assert verdict.answer is Answer.PASSED
