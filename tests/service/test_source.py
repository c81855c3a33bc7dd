"""A source from the verb to a release, with git, the gate, the record and a store that are real."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fairlead.base.errors import Busy, FairleadError, NotFound, Refused, Unknown, UsageError
from fairlead.base.journal import Outcome, Verb
from fairlead.drivers.git.fetch import GitUpstream
from fairlead.record.flow import read
from fairlead.record.model import Entry
from fairlead.record.rules import sentence
from fairlead.service import source
from fairlead.service.source import Wanted
from fairlead.service.taken_up import take_up
from service.answers_world import MANIFEST, World, quiet, runs_in


class Forge:
    """The repository elsewhere, and a developer's clone of it."""

    def __init__(self, root: Path) -> None:
        self.bare, self.clone = root / "forge.git", root / "developer"
        for words in (["--bare", str(self.bare)], [str(self.clone)]):
            run = ["git", "init", "--quiet", "--initial-branch=main", *words]
            subprocess.run(run, check=True)

    @property
    def url(self) -> str:
        return f"file://{self.bare}"

    def git(self, *words: str) -> str:
        run = ["git", "-C", str(self.clone), *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def push(self, subject: str, files: dict[str, str] | None = None, branch: str = "main") -> str:
        for name, text in ({"fairlead.toml": MANIFEST} | (files or {})).items():
            (self.clone / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        self.git("push", "--quiet", "--force", str(self.bare), f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


@pytest.fixture
def world(tmp_path: Path, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with runs_in(monkeypatch.setenv):
        made = World(tmp_path)
        made.machine.alive = lambda pid: Path(f"/proc/{pid}").exists()  # type: ignore[attr-defined]
        source.set_source(made.tools, "tide", Wanted(forge.url))
        yield made


def entries(world: World, *verbs: Verb) -> list[Entry]:
    found = read(world.tools.store, 0, 10_000)
    return [e for e in found if e.verb in verbs and e.outcome != Outcome.INTENT]


def intents(world: World) -> list[Entry]:
    from fairlead.record.flow import unclosed

    return [e for e in unclosed(world.tools.store) if e.verb == Verb.PUSH]


def head(world: World, branch: str = "main") -> str:
    try:
        return world.tools.repositories.resolve(world.repository, f"refs/heads/{branch}")
    except NotFound:
        return ""


def looked(world: World) -> float:
    """The clock's look, and what the agent does after it."""
    pause = source.look(world.tools, "tide")
    take_up(world.tools, "tide", quiet)
    return pause


def test_what_is_new_there_becomes_a_release_here(world: World, forge: Forge) -> None:
    """Recorded as pulled, from where, and by nobody's hand."""
    commit = forge.push("The first")
    assert looked(world) == 60
    assert head(world) == commit
    (pushed,) = entries(world, Verb.PUSH)
    assert (pushed.outcome, pushed.who) == (Outcome.DONE, "source:tide")
    assert sentence(pushed) == f"pulled {commit[:7]} to main from {forge.url}"
    release = world.tools.world.releases.get("tide", 1)
    assert release
    assert (release.artifact.commit, release.made_by) == (commit, "source:tide")
    count = len(read(world.tools.store, 0, 10_000))
    looked(world)
    assert len(read(world.tools.store, 0, 10_000)) == count, "nothing new is nothing to say"


def test_a_refused_commit_is_asked_about_once(world: World, forge: Forge) -> None:
    """Until the branch moves on, or a person pulls; the branch here stays."""
    good = forge.push("The first")
    looked(world)
    bad = forge.push("Broken", {"broken": "1"})
    for _ in range(3):
        assert looked(world) == 60
    refused = [e for e in entries(world, Verb.PUSH) if e.outcome == Outcome.REFUSED]
    assert [e.text("commit") for e in refused] == [bad]
    assert head(world) == good
    found = source.pull(world.tools, "tide", quiet)
    assert not found.well
    assert len([e for e in entries(world, Verb.PUSH) if e.outcome == Outcome.REFUSED]) == 2
    forge.git("rm", "-q", "broken")
    mended = forge.push("Mended")
    looked(world)
    assert head(world) == mended
    assert intents(world) == []


def test_a_branch_that_was_rewritten_there_is_followed_and_recorded(
    world: World, forge: Forge
) -> None:
    """Twice, once back to a commit that was here before."""
    first, _ = forge.push("The first"), looked(world)
    second, _ = forge.push("The second"), looked(world)
    forge.git("reset", "--hard", "--quiet", first)
    other, _ = forge.push("Another second"), looked(world)
    assert head(world) == other
    forge.git("push", "--quiet", "--force", str(forge.bare), f"{first}:refs/heads/main")
    looked(world)
    assert head(world) == first
    last = entries(world, Verb.PUSH)[-2:]
    assert [(e.text("old"), e.facts["rewritten"]) for e in last] == [(second, True), (other, True)]
    assert "rewritten there" in sentence(last[0])


def test_a_branch_that_moved_twice_between_looks_is_taken_where_it_is(
    world: World, forge: Forge
) -> None:
    """The commits between are not asked about."""
    forge.push("One"), forge.push("Two")
    last = forge.push("Three")
    looked(world)
    assert head(world) == last
    assert len(entries(world, Verb.PUSH)) == 1


def test_a_branch_that_moves_while_it_is_fetched_is_taken_at_the_next_look(
    world: World, forge: Forge
) -> None:
    """Also when it is rewritten, and what was listed is not to be had any more."""
    first = forge.push("One")

    class Moving(GitUpstream):
        def heads(self, *given):
            found = super().heads(*given)
            if found == {"main": first}:
                forge.git("commit", "--amend", "-qm", "Rewritten meanwhile")
                forge.push("And two")
            return found

    world.tools = replace(world.tools, upstream=Moving(world.home.run))
    looked(world)
    assert (head(world), entries(world, Verb.PUSH)) == ("", [])
    assert entries(world, Verb.SOURCE)[1:] == []
    looked(world)
    assert head(world) == forge.git("rev-parse", "HEAD")


def test_a_branch_that_is_gone_there_stays_here_and_is_said_once(
    world: World, forge: Forge
) -> None:
    """Until it is there again."""
    commit = forge.push("One")
    looked(world)
    forge.git("--git-dir", str(forge.bare), "update-ref", "-d", "refs/heads/main")
    for _ in range(3):
        looked(world)
    assert head(world) == commit
    gone = [e for e in entries(world, Verb.SOURCE) if e.text("how") == "gone"]
    assert len(gone) == 1
    again = forge.push("Two")
    looked(world)
    assert head(world) == again


def test_a_forge_that_is_down_costs_one_entry_and_slower_looks(world: World, forge: Forge) -> None:
    """And one when it answers again."""
    forge.push("One")
    away = forge.bare.with_name("away")
    forge.bare.rename(away)
    assert [looked(world) for _ in range(6)] == [60, 120, 240, 480, 900, 900]
    (shown,) = source.shown(world.tools, "tide").sources
    assert shown.problem.startswith("Unknown: ")
    away.rename(forge.bare)
    assert looked(world) == 60
    told = [(e.outcome, e.text("how")) for e in entries(world, Verb.SOURCE)][1:]
    assert told == [(Outcome.FAILED, "failed"), (Outcome.DONE, "answers")]
    assert head(world)


def test_who_pushed_here_first_is_not_set_back(world: World, forge: Forge) -> None:
    """What comes there late and is here already moves nothing."""
    one = forge.push("One")
    looked(world)
    two = forge.push("Two", branch="review")
    three = forge.push("Three", branch="review")
    forge.git("push", "--quiet", str(world.repository), f"{three}:refs/heads/main")
    forge.git("push", "--quiet", str(forge.bare), f"{two}:refs/heads/main")
    looked(world)
    assert head(world) == three
    assert one != two


@pytest.mark.parametrize("call", ["take_in", "move"])
def test_a_branch_that_cannot_be_moved_is_tried_again(
    call: str, world: World, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, another push that came first: no intent is left open."""
    forge.push("One")
    where = world.tools.upstream if call == "take_in" else world.tools.repositories

    def fails(*given: object) -> None:
        raise Unknown("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(where), call, fails)
        looked(world)
    assert (head(world), intents(world)) == ("", [])
    assert entries(world, Verb.PUSH)[-1].outcome == Outcome.UNKNOWN
    looked(world)
    assert head(world) == forge.git("rev-parse", "HEAD")


@pytest.mark.parametrize("call", ["take_in", "move", "put"])
def test_killed_anywhere_the_next_look_goes_on(
    call: str, world: World, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the objects, before the branch, before the note: one release in the end."""
    forge.push("One")
    tools = world.tools
    where = {"take_in": tools.upstream, "move": tools.repositories, "put": tools.sources}[call]

    class Killed(BaseException):
        pass

    def dies(*given: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(where), call, dies)
        patch.setattr("fairlead.service.source.os.getpid", lambda: 2**22 + 1)  # nobody's
        with pytest.raises(Killed):
            source.look(tools, "tide")
    looked(world)
    assert head(world) == forge.git("rev-parse", "HEAD")
    looked(world)
    assert intents(world) == []
    assert world.tools.world.releases.get("tide", 1)
    assert world.tools.world.releases.get("tide", 2) is None


def test_one_pulls_at_a_time(world: World, forge: Forge) -> None:
    """The clock is told to come again; a person waits."""
    forge.push("One")
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with world.tools.sources.held("tide", 0.0):
            held.set()
            over.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    with pytest.raises(Busy):
        source.look(world.tools, "tide")
    threading.Timer(0.2, over.set).start()
    assert source.pull(world.tools, "tide", quiet).well
    thread.join()


def test_a_deploy_key_stays_until_another_is_set(world: World, forge: Forge) -> None:
    """It is shown by its public half, and goes with its source."""
    made = source.set_source(world.tools, "tide", Wanted(forge.url, new_key=True))
    assert made.key.startswith("ssh-ed25519 ")
    assert made.key.endswith("fairlead:tide")
    again = source.set_source(world.tools, "tide", Wanted(forge.url, ("main", "next")))
    assert (again.key, again.branches) == (made.key, ("main", "next"))
    with pytest.raises(UsageError):
        source.set_source(world.tools, "tide", Wanted(forge.url, key=Path("x"), new_key=True))
    source.remove(world.tools, "tide")
    assert sorted(p.name for p in world.home.sources.iterdir()) == ["tide.lock"]
    for ask in (source.shown, source.remove):
        with pytest.raises(NotFound):
            ask(world.tools, "tide")
    text = "".join(map(str, read(world.tools.store, 0, 10_000)))
    assert "PRIVATE KEY" not in text


def test_a_host_is_pinned_once_and_another_key_of_it_is_refused(world: World, forge: Forge) -> None:
    """Its fingerprint is recorded; only --trust-anew forgets it, or another host."""
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    lines = (f"forge.example ssh-ed25519 {blob}",)

    class Ssh(GitUpstream):
        def host_keys(self, *given):
            return lines

        def heads(self, repository, reach, branches):
            if reach.host_keys != lines:
                raise Refused("forge.example shows another key than it did")
            return {}

    world.tools = replace(world.tools, upstream=Ssh(world.home.run))
    url = "git@forge.example:anna/tide.git"
    source.set_source(world.tools, "tide", Wanted(url))
    said: list[str] = []
    source.pull(world.tools, "tide", said.append)
    assert "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU" in said[0]
    (pinned,) = [e for e in entries(world, Verb.SOURCE) if e.text("how") == "pinned"]
    assert pinned.text("host_keys") == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    known, lines = lines, (f"forge.example ssh-ed25519 {blob[:-4]}AAAA",)
    with pytest.raises(Refused):
        source.pull(world.tools, "tide", quiet)
    assert source.set_source(world.tools, "tide", Wanted(url)).host_keys
    with pytest.raises(Refused):
        source.pull(world.tools, "tide", quiet)
    assert not source.set_source(world.tools, "tide", Wanted(url, anew=True)).host_keys
    source.pull(world.tools, "tide", quiet)
    assert known != lines


def test_what_is_not_a_source_changes_nothing(world: World) -> None:
    """No file, no entry."""
    count = len(entries(world, Verb.SOURCE))
    for wanted in (Wanted("ext::id"), Wanted("file:///a", every=1), Wanted("file:///a", ("-x",))):
        with pytest.raises(UsageError):
            source.set_source(world.tools, "other", wanted)
    with pytest.raises(FairleadError):
        source.set_source(world.tools, "../other", Wanted("file:///a"))
    assert len(entries(world, Verb.SOURCE)) == count
    assert [s.app for s in source.shown(world.tools).sources] == ["tide"]
