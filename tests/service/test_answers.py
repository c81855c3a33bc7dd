"""Views: what they say of a home that works, and of one that half does not answer."""

from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from fairlead.base.errors import FairleadError, NotFound, Refused, UsageError
from fairlead.base.journal import Verb
from fairlead.plan.model import CopyId
from fairlead.record.flow import head_of, read
from fairlead.record.model import Kind, Verified
from fairlead.service import machine
from fairlead.service.answers import logs, record
from fairlead.service.answers.changed import changed
from fairlead.service.answers.plan import plan
from fairlead.service.answers.releases import releases
from fairlead.service.answers.status import PlaceStatus, status
from fairlead.service.answers.trace import trace
from fairlead.service.answers.where import app_here, app_meant, place_meant
from fairlead.service.approve import approve
from fairlead.service.promote import promote
from fairlead.service.rollback import rollback
from fairlead.service.settings import set_settings
from service.answers_world import LOCAL, MANIFEST, PRODUCTION, STAGING, World, runs_in


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with runs_in(monkeypatch.setenv):
        yield World(tmp_path)


def place(world: World, environment: str = "local") -> PlaceStatus:
    return next(p for p in status(world.tools).places if p.environment == environment)


def test_a_settled_place_says_what_serves(world: World) -> None:
    """Release, commit, subject, address, copies wanted and ready."""
    commit = world.released("Add tides")
    seen = place(world)
    assert (seen.state, seen.serving, seen.desired, seen.commit) == ("settled", 1, 1, commit)
    assert (seen.subject, seen.url) == ("Add tides", "http://127.0.0.1:8000/")
    assert [(r.role, r.wanted, r.ready) for r in seen.roles] == [("web", 1, 1)]
    assert [(s.role, s.release, s.percent) for s in seen.shares] == [("web", 1, 100)]
    assert seen.problem is None
    assert seen.drift == ()


def test_what_is_asked_for_and_not_begun_is_not_called_serving(world: World) -> None:
    """Release 2 is desired; release 1 serves until the agent has begun."""
    world.released("Add tides")
    world.push("Add winds")
    seen = place(world)
    assert (seen.state, seen.serving, seen.desired) == ("asked for", 1, 2)


def test_the_held_side_is_told_with_its_time(world: World) -> None:
    """After a switch the release before is held, until a stated time."""
    world.released("Add tides")
    world.released("Add winds")
    seen = place(world)
    assert (seen.serving, seen.held) == (2, 1)
    assert seen.held_until > seen.since


def test_a_dead_runtime_is_not_known_and_the_record_still_answers(world: World) -> None:
    """No answer is never read as success; what the record knows is shown."""
    world.released("Add tides")
    world.runtime.down = True
    seen = place(world)
    assert (seen.state, seen.serving) == ("not known", 1)
    assert "by the record release 1 serves" in seen.sentence
    assert seen.problem is not None
    assert seen.problem.hint


def test_a_deploy_repo_that_cannot_be_trusted_is_told(world: World) -> None:
    """A dirty deploy repo stops the look at what is desired, with git's next command."""
    world.released("Add tides")
    (world.home.deploy / "apps/tide/local/release.json").write_text("{}")
    seen = status(world.tools)
    assert seen.places == ()
    assert seen.problem is not None
    assert "not committed" in seen.problem.what
    assert "git -C" in seen.problem.hint


def test_a_killed_copy_is_drift(world: World) -> None:
    """What nobody asked for is seen, and named."""
    world.released("Add tides")
    world.runtime.crash(LOCAL, CopyId(1, "web", 1))
    seen = place(world)
    assert seen.state == "drifted"
    assert "web.1 of release 1 is crashed" in seen.drift[0]


def test_looking_writes_nothing(world: World) -> None:
    """No view leaves an entry, a lease or a commit behind."""
    world.released("Add tides")
    before = (head_of(world.tools.store), world.tools.deploy.repo.look().head)
    status(world.tools)
    releases(world.tools, "tide")
    plan(world.tools, LOCAL, 1)
    trace(world.tools, "tide/1", world.source)
    changed(world.tools, "today")
    record.verify(world.tools)
    assert (head_of(world.tools.store), world.tools.deploy.repo.look().head) == before
    assert world.tools.world.leases.holder(LOCAL) is None


def test_releases_say_what_became_of_each(world: World) -> None:
    """Serving, done before, failed with its reason, waiting, never."""
    world.released("Add tides")
    world.released("Add winds")
    world.answers.broken = {3}
    world.released("Break it")
    promote(world.tools, LOCAL, PRODUCTION, "")
    found = {line.number: line for line in releases(world.tools, "tide").releases}
    local = {n: next(p for p in r.places if p.environment == "local") for n, r in found.items()}
    outcomes = {number: at.outcome for number, at in local.items()}
    assert outcomes == {1: "done before", 2: "serving", 3: "failed"}
    assert "500" in local[3].why
    there = {
        n: next(p for p in r.places if p.environment == "production") for n, r in found.items()
    }
    assert {n: p.outcome for n, p in there.items()} == {1: "never", 2: "waiting", 3: "never"}


def test_the_list_of_releases_says_how_many_it_leaves_out(world: World) -> None:
    """A long history is cut, and the cut is told."""
    for number in range(3):
        world.push(f"change {number}")
    found = releases(world.tools, "tide", 2)
    assert ([line.number for line in found.releases], found.older) == ([3, 2], 1)


def test_the_plan_of_a_settled_place_is_empty(world: World) -> None:
    """And it says so in its first sentence."""
    world.released("Add tides")
    found = plan(world.tools, LOCAL)
    assert found.empty
    assert found.sentences[0].startswith("Nothing to do for tide/local.")


def test_a_plan_may_be_asked_for_a_release_nobody_desires(world: World) -> None:
    """`plan --release 1` is the way back, without taking it."""
    world.released("Add tides")
    world.released("Add winds")
    found = plan(world.tools, LOCAL, 1)
    assert (found.release, found.of, found.empty) == (1, "asked about", False)


def test_an_approval_is_bound_to_the_plan_that_was_read(world: World) -> None:
    """Another plan's digest is refused; the right one's beginning is enough."""
    world.released("Add tides")
    promote(world.tools, LOCAL, PRODUCTION, "")
    seen = place(world, "production")
    assert (seen.state, seen.desired) == ("empty", 0)
    assert seen.proposal is not None
    assert seen.proposal.command == "fairlead approve tide/production"
    with pytest.raises(Refused, match="no longer applies") as refused:
        approve(world.tools, PRODUCTION, None, "", "sha256:000000000000")
    assert refused.value.hint == "fairlead plan tide/production"
    digest = plan(world.tools, PRODUCTION).digest
    approve(world.tools, PRODUCTION, None, "", digest[:19])
    world.settle(PRODUCTION)
    assert place(world, "production").serving == 1


def test_a_release_that_was_not_proven_is_not_promoted(world: World) -> None:
    """Not known stops a gate: what has not passed smoke goes nowhere else."""
    world.push("Add tides")
    with pytest.raises(Refused, match="has not passed its smoke checks in tide/local"):
        promote(world.tools, LOCAL, STAGING, "")


def test_settings_come_as_a_release_with_the_same_artifact(world: World) -> None:
    """And the setting is there afterwards; going back goes back to the setting too."""
    world.released("Add tides")
    done = set_settings(world.tools, LOCAL, {"GREETING": "hello"}, "")
    world.settle()
    one, two = (world.tools.world.releases.get("tide", n) for n in (1, 2))
    assert one
    assert two
    assert (done.release, place(world).serving) == (2, 2)
    assert one.artifact == two.artifact
    assert two.settings_in("local")["GREETING"] == "hello"
    rollback(world.tools, LOCAL, 0, "")
    world.settle()
    assert place(world).serving == 1


def test_the_same_setting_again_makes_no_release(world: World) -> None:
    """What is so already is answered as so."""
    world.released("Add tides")
    set_settings(world.tools, LOCAL, {"GREETING": "hello"}, "")
    again = set_settings(world.tools, LOCAL, {"GREETING": "hello"}, "")
    assert (again.release, again.revision) == (0, "")
    assert len(releases(world.tools, "tide").releases) == 2


def test_head_is_traced_in_the_repository_one_stands_in(world: World) -> None:
    """The record knows commits; git knows what HEAD is."""
    world.released("Add tides")
    below = world.source / "below"
    below.mkdir()
    assert trace(world.tools, "HEAD", below).release == 1
    with pytest.raises(NotFound, match="nothing on record"):
        trace(world.tools, "HEAD", world.home.root)


def test_an_unpushed_head_is_named_by_its_commit(world: World) -> None:
    """So that one sees which commit is not on record."""
    world.released("Add tides")
    world.git("commit", "--quiet", "--allow-empty", "-m", "not pushed")
    with pytest.raises(NotFound, match="commit ") as missing:
        trace(world.tools, "HEAD", world.source)
    assert missing.value.hint == "git push fairlead brings a commit here"


def test_changed_lists_releases_with_what_they_changed(world: World) -> None:
    """Commits and settings against the release before; a refused push is there too."""
    world.released("Add tides")
    world.released("Add winds")
    world.push("Break the tests", {"broken": ""})
    found = changed(world.tools, "1h").happened
    kinds = [h.kind for h in found]
    assert kinds.count(Kind.RELEASE) == 2
    assert Kind.REFUSED in kinds
    second = [h for h in found if h.kind is Kind.RELEASE][1]
    assert second.difference is not None
    assert second.difference.known
    assert [c.partition(" ")[2] for c in second.difference.commits] == ["Add winds"]


def test_a_time_that_is_none_names_the_forms(world: World) -> None:
    """The hint holds examples."""
    with pytest.raises(UsageError, match="not a time: 'teatime'") as error:
        changed(world.tools, "teatime")
    assert "15:42" in error.value.hint


def test_a_stretch_that_runs_backwards_is_refused(world: World) -> None:
    """Instead of being empty, which would read as: nothing changed."""
    with pytest.raises(UsageError, match="lies after"):
        changed(world.tools, between=("2026-01-03", "2026-01-01"))


def test_the_record_holds_and_is_shown_newest_last(world: World) -> None:
    """verify counts what show lists."""
    world.released("Add tides")
    checked, shown = record.verify(world.tools), record.show(world.tools, None, 3)
    assert isinstance(checked.answer, Verified)
    assert checked.anchor == "no head was signed yet"
    assert shown.newest == checked.answer.entries
    assert [line.entry.seq for line in shown.entries] == [shown.newest - n for n in (2, 1, 0)]
    assert record.show(world.tools, 2, 1).entries[0].entry.seq == 3


def test_logs_of_checks_and_builds_are_found_by_a_commits_first_digits(world: World) -> None:
    """The check's output, by its name and seven digits."""
    commit = world.released("Add tides")
    found = logs.last(world.tools, logs.of_check(world.tools, "tide", "tests", commit[:7]), 10)
    assert [line.line for line in found] == ["all fine"]
    with pytest.raises(NotFound, match="no log of check types") as error:
        logs.of_check(world.tools, "tide", "types", commit[:7])
    assert "there are: " in error.value.hint
    with pytest.raises(NotFound, match="no commit 0000000 of tide on record"):
        logs.of_build(world.tools, "tide", "0000000")
    with pytest.raises(UsageError, match="not a commit"):
        logs.of_build(world.tools, "tide", "../../etc")


def test_logs_name_the_copies_of_a_role(world: World) -> None:
    """web is web.1 and web.2, and not web-admin.1; a path is no name."""
    directory = world.home.log(LOCAL, "x").parent
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("web.1", "web.2", "web-admin.1"):
        (directory / f"{name}.log").write_text(f"{name}\n")
    assert [f.name for f in logs.of_place(world.tools, LOCAL, "web")] == ["web.1", "web.2"]
    assert [f.name for f in logs.of_place(world.tools, LOCAL, "web.2")] == ["web.2"]
    with pytest.raises(UsageError, match="not a role"):
        logs.of_place(world.tools, LOCAL, "../web")
    with pytest.raises(NotFound) as error:
        logs.of_place(world.tools, LOCAL, "clock")
    assert error.value.hint == "there are: web-admin.1, web.1, web.2"


def test_the_end_of_a_long_log_is_read_from_its_end(world: World, tmp_path: Path) -> None:
    """Also where lines are longer than a block, and where the last one has no end."""
    long = tmp_path / "long.log"
    long.write_text("first\n" + "x" * 200_000 + "\nlast")
    file = logs.LogFile("long", str(long))
    assert [len(line.line) for line in logs.last(world.tools, (file,), 2)] == [200_000, 4]
    assert len(logs.last(world.tools, (file,), 10)) == 3
    assert logs.last(world.tools, (file,), 0) == ()


def test_a_followed_log_is_read_on_when_it_is_rotated(world: World, tmp_path: Path) -> None:
    """Nothing is lost or told twice, and half a line waits for its rest."""
    path = tmp_path / "web.1.log"
    path.write_text("before\n")
    reader = logs.follow(world.tools, (logs.LogFile("web.1", str(path)),))

    def after(write: str, mode: str = "a") -> str:
        with path.open(mode) as file:
            file.write(write)
        return next(reader).line

    # It reads on from where the log ends when it is first asked, so the first line comes later.
    first = Timer(0.15, after_later, (path, "one\nha"))
    first.start()
    assert next(reader).line == "one"
    first.join()
    assert after("lf\n") == "half"
    path.rename(tmp_path / "web.1.log.1")
    assert after("anew\n", "w") == "anew"


def after_later(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_the_only_place_is_meant_and_several_are_named(world: World) -> None:
    """Nothing is guessed: one may be left out, of several one must be named."""
    world.push("Add tides")
    meant = place_meant(world.tools, "", world.home.root)
    assert (meant.place, meant.why) == (LOCAL, "the only one there is")
    assert place_meant(world.tools, "tide/local", world.home.root).why == ""
    world.settle()
    promote(world.tools, LOCAL, STAGING, "")
    with pytest.raises(UsageError) as error:
        place_meant(world.tools, "tide", world.home.root)
    assert error.value.hint == "name one: tide/local, tide/staging"
    assert place_meant(world.tools, "staging", world.home.root).place == STAGING
    for text in ("tide/nowhere", "nowhere", "a/b/c", "../x"):
        with pytest.raises(NotFound) as missing:
            place_meant(world.tools, text, world.home.root)
        assert missing.value.hint == "the places there are: tide/local, tide/staging"


def test_the_app_is_the_one_whose_repository_one_stands_in(world: World, tmp_path: Path) -> None:
    """Its manifest need not be without mistakes for that."""
    (tmp_path / "fairlead.toml").write_text('app = "tide"\nnonsense = 1\n')
    assert app_here(tmp_path) == "tide"
    (tmp_path / "fairlead.toml").write_text("app = [")
    assert app_here(tmp_path) == ""
    world.push("Add tides", {"fairlead.toml": MANIFEST})
    assert app_meant(world.tools, "", tmp_path) == "tide"
    with pytest.raises(NotFound, match="no app 'shop'"):
        app_meant(world.tools, "shop", tmp_path)


def test_the_agents_stop_is_recorded_before_and_after(world: World) -> None:
    """Nothing happens unrecorded; stopping what does not run does nothing."""
    assert machine.stop(world.tools).done == "stopped"
    entries = [e for e in read(world.tools.store) if e.verb == Verb.AGENT]
    assert [(e.outcome, e.intent > 0) for e in entries] == [("intent", False), ("done", True)]
    assert machine.stop(world.tools).done == "does not run"
    assert machine.start(world.tools).done == "started"
    assert machine.start(world.tools).done == "runs already"


def test_a_second_agent_is_refused_by_its_process(world: World) -> None:
    """Two would work against each other."""
    with pytest.raises(FairleadError, match="an agent is at work already: process 13") as busy:
        machine.refuse_second(world.tools)
    assert busy.value.exit_code == 11
