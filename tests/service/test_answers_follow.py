"""Following what was asked for: each way it may end, and that nobody waits for nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.base.errors import Unknown
from fairlead.base.ids import Place
from fairlead.desired.flow import Act
from fairlead.desired.flow import propose as ask_for
from fairlead.record.flow import head_of
from fairlead.service.answers import follow
from fairlead.service.answers.follow import FollowEnd, How, follow_revision, saying
from fairlead.service.ports import MachineSeen
from fairlead.service.promote import promote
from fairlead.service.rollback import rollback
from fairlead.service.settings import set_settings
from service.answers_world import LOCAL, PRODUCTION, World, runs_in


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with runs_in(monkeypatch.setenv):
        yield World(tmp_path)


def end_of(world: World, revision: str, since: int, place: Place = LOCAL) -> FollowEnd:
    return follow_revision(world.tools, place, revision, since, lambda entry: None)


def seq(world: World) -> int:
    return head_of(world.tools.store).seq


def desired(world: World) -> str:
    found = world.tools.desired(LOCAL)
    assert found is not None
    return found.revision


@pytest.mark.parametrize("late", [False, True])
def test_a_rollout_that_went_well_is_done(world: World, late: bool) -> None:
    """Whether one follows from before it began, or comes when it is over already."""
    since = seq(world)
    world.push("Add tides")
    if late:
        world.settle()
        since = seq(world)
    with world.agent():
        end = end_of(world, desired(world), since)
    assert (end.outcome, end.release) == (How.DONE, 1)
    assert end.sentence.startswith("Release 1 serves local after ")


def test_a_rollout_that_failed_ends_once_the_release_before_serves(world: World) -> None:
    """Returned, with what failed and what serves."""
    world.released("Add tides")
    since = seq(world)
    world.push("Break it")
    world.answers.broken = {2}
    with world.agent():
        end = end_of(world, desired(world), since)
    assert (end.outcome, end.release) == (How.RETURNED, 1)
    assert "500" in end.sentence
    assert end.sentence.endswith("Release 1 serves local, as before.")


def test_a_first_release_that_failed_has_nothing_to_go_back_to(world: World) -> None:
    """Failed, and it is said that nothing serves before it."""
    world.answers.broken = {1}
    world.push("Add tides")
    with world.agent():
        end = end_of(world, desired(world), 0)
    assert (end.outcome, end.release) == (How.FAILED, 1)
    assert end.sentence.endswith("There was no release to go back to.")


def test_a_way_back_that_fails_as_well_is_failed(world: World) -> None:
    """Both reasons are told."""
    world.released("Add tides")
    since = seq(world)
    world.push("Break it")
    broken = desired(world)
    world.answers.front = 500
    with world.agent():
        end = end_of(world, broken, since)
    assert end.outcome is How.FAILED
    assert "The way back failed as well" in end.sentence


def test_what_waits_for_an_approval_ends_with_the_command(world: World) -> None:
    """Nobody waits for a person."""
    world.released("Add tides")
    since = seq(world)
    revision = promote(world.tools, LOCAL, PRODUCTION, "")
    for start in (since, seq(world)):
        end = end_of(world, revision, start, PRODUCTION)
        assert end.outcome is How.WAITING
        assert "fairlead approve tide/production" in end.sentence


def test_what_was_replaced_by_another_wish_is_gone(world: World) -> None:
    """The newer wish is named."""
    world.released("Add tides")
    world.released("Add winds")
    since = seq(world)
    revision = rollback(world.tools, LOCAL, 0, "")
    act = Act("bob", "no, the new one", world.tools.clock.now())
    ask_for(world.tools.deploy, LOCAL, 2, act, how="release", approval=False)
    end = end_of(world, revision, since)
    assert end.outcome is How.GONE
    assert "bob desired tide release 2 in local" in end.sentence


def test_the_settings_own_commit_does_not_replace_what_asks_for_them(world: World) -> None:
    """`set` writes two desires: the settings, then the release that brings them."""
    world.released("Add tides")
    since = seq(world)
    done = set_settings(world.tools, LOCAL, {"GREETING": "hello"}, "")
    with world.agent():
        end = end_of(world, done.revision, since)
    assert (end.outcome, end.release) == (How.DONE, 2)


def test_without_an_agent_nobody_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not known, and the hint starts one."""
    monkeypatch.setattr(follow, "GONE_AFTER", 0.05)
    monkeypatch.setattr(follow, "ASK_AGENT", 0.01)
    world.push("Add tides")
    world.machine.now = MachineSeen(0, 0, 0, False)
    with pytest.raises(Unknown, match="no agent is at work") as gone:
        end_of(world, desired(world), 0)
    assert gone.value.hint == "fairlead agent start"


def test_what_is_said_on_the_way_is_for_people(world: World) -> None:
    """Steps when they begin, outcomes of the rest; no lease, no intents of other verbs."""
    world.released("Add tides")
    since = seq(world)
    world.push("Add winds")
    lines: list[str] = []
    with world.agent():
        follow_revision(world.tools, LOCAL, desired(world), since, saying(lines.append))
    assert any(line.startswith("start web.1 of release 2: ") for line in lines)
    assert any("rolled out in" in line for line in lines)
    assert len(lines) == len(set(lines))
    assert not any("asks for" in line or "the lease of" in line for line in lines)
