"""A source's forge is shown the answers: a real git source, and a forge that speaks HTTP."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from drivers.fake_forge import REPOSITORY, TOKEN, Fault, State, forge_of
from fairlead.base.errors import NotFound, Refused, UsageError
from fairlead.base.journal import Outcome, Verb
from fairlead.base.secret import Secret
from fairlead.checks.ports import Forge as ForgePort
from fairlead.checks.ports import ForgeAt
from fairlead.drivers.forges import forge as forge_driver
from fairlead.drivers.git.fetch import GitUpstream
from fairlead.record.flow import read
from fairlead.service import owed, source
from fairlead.service.source import Wanted
from fairlead.source.rules import parse
from service.answers_world import World, quiet, runs_in
from service.test_source import Forge, entries, head, looked

URL = f"https://github.com/{REPOSITORY}.git"


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


@pytest.fixture
def shown() -> Iterator[tuple[str, State]]:
    with forge_of("github") as made:
        yield made


@pytest.fixture
def state(shown: tuple[str, State]) -> State:
    return shown[1]


@pytest.fixture
def world(
    tmp_path: Path, forge: Forge, shown: tuple[str, State], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """The app is pulled from a public forge, whose git and whose API are on this machine."""
    at = parse(forge.url)

    class Here(GitUpstream):
        def heads(self, repository, reach, branches):
            return super().heads(repository, msgspec.structs.replace(reach, address=at), branches)

        def fetched(self, repository, reach, branches):
            here = msgspec.structs.replace(reach, address=at)
            return super().fetched(repository, here, branches)

    class Now:
        """No test waits for a forge."""

        def now(self) -> float:
            return 0.0

        def sleep(self, seconds: float) -> None:
            pass

    def speaks(there: ForgeAt, token: Secret) -> ForgePort:
        assert there == ForgeAt("github", REPOSITORY)
        return forge_driver(msgspec.structs.replace(there, api=shown[0]), token, Now())

    with runs_in(monkeypatch.setenv):
        made = World(tmp_path)
        made.machine.alive = lambda pid: Path(f"/proc/{pid}").exists()  # type: ignore[attr-defined]
        made.tools = replace(made.tools, upstream=Here(made.home.run), forge=speaks)
        given(made, tmp_path, TOKEN)
        yield made


def given(world: World, tmp_path: Path, token: str) -> source.SourceShown:
    (tmp_path / "token").write_text(token + "\n")
    return source.set_source(world.tools, "tide", Wanted(URL, forge_token=tmp_path / "token"))


def states(state: State, commit: str) -> list[str]:
    assert {one["context"] for one in state.statuses} <= {"fairlead/tide"}
    return [one["state"] for one in state.statuses if one["sha"] == commit]


def pushed(forge: Forge, state: State, subject: str, files: dict[str, str] | None = None) -> str:
    commit = forge.push(subject, files)
    state.commits.add(commit)
    return commit


def test_what_is_pulled_is_pending_and_then_what_its_verdict_is(
    world: World, forge: Forge, state: State
) -> None:
    """With the verdict's sentence; once, however often it is looked."""
    good = pushed(forge, state, "The first")
    looked(world)
    bad = pushed(forge, state, "Broken", {"broken": "1"})
    for _ in range(3):
        looked(world)
    assert states(state, good) == ["pending", "success"]
    assert states(state, bad) == ["pending", "failure"]
    assert "failed: tests failed (exit 1)" in state.statuses[-1]["description"]
    assert head(world) == good


def test_what_could_not_be_judged_is_no_success(world: World, forge: Forge, state: State) -> None:
    """A manifest that cannot be read: an error there, in the words that the pusher gets."""
    commit = pushed(forge, state, "No manifest", {"fairlead.toml": "app = "})
    looked(world)
    assert states(state, commit) == ["pending", "error"]


def test_a_forge_that_cannot_be_told_holds_nothing_up_and_is_noted_once(
    world: World, forge: Forge, state: State
) -> None:
    """The branch moves; what is owed is shown by a later look, and that is noted too."""
    commit = forge.push("The first")  # of which the forge says that it has no such commit
    looked(world)
    looked(world)
    assert head(world) == commit
    (one,) = source.shown(world.tools, "tide").sources
    assert "No commit found" in one.untold
    state.commits.add(commit)
    looked(world)
    assert states(state, commit) == ["success"]
    told = [(e.outcome, e.text("how")) for e in entries(world, Verb.SOURCE)][1:]
    assert told == [(Outcome.FAILED, "untold"), (Outcome.DONE, "told")]
    (one,) = source.shown(world.tools, "tide").sources
    assert one.untold == ""
    count = len(state.asked)
    looked(world)
    assert len(state.asked) == count


def test_a_token_that_is_refused_is_not_sent_for_ever(
    world: World, forge: Forge, state: State, tmp_path: Path
) -> None:
    """A forge shuts out whoever knocks too often."""
    given(world, tmp_path, "tok-other")
    forge.push("The first")
    for _ in range(owed.TRIES + 3):
        looked(world)
    assert len(state.asked) == 1 + owed.TRIES
    assert len([e for e in entries(world, Verb.SOURCE) if e.text("how") == "untold"]) == 1


def test_an_answer_is_shown_also_when_nobody_lived_to_send_it(
    world: World, forge: Forge, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind the branch's move: the next look, which finds nothing new, sends it."""
    commit = pushed(forge, state, "One")

    class Killed(BaseException):
        pass

    def dies(*given: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(source, "pay", dies)
        with pytest.raises(Killed):
            source.look(world.tools, "tide")
    assert states(state, commit) == ["pending"]
    looked(world)
    assert states(state, commit) == ["pending", "success"]


def test_a_slow_forge_does_not_hold_the_branch(world: World, forge: Forge, state: State) -> None:
    """What is under way is sent beside the checks: it is waited for when the branch has moved."""
    commit = pushed(forge, state, "One")
    seen: list[str] = []
    real = world.tools.forge

    class Slow:
        def __init__(self, at: ForgeAt, token: Secret) -> None:
            self.real = real(at, token)

        def status(self, commit, name, answer, *more):
            for _ in range(500) if answer is None else ():
                if head(world):
                    break
                world.tools.clock.sleep(0.02)
            seen.append(head(world))
            return self.real.status(commit, name, answer, *more)

    world.tools = replace(world.tools, forge=Slow)
    looked(world)
    assert seen == [commit, commit]


def test_the_token_is_kept_for_its_owner_alone_and_shown_nowhere(
    world: World, forge: Forge, state: State, tmp_path: Path
) -> None:
    """0600, in no answer, no record and no other file; it goes with its source."""
    state.faults = [Fault(400, body=json.dumps({"message": f"bad {TOKEN}"}).encode())]
    forge.push("One")
    said: list[str] = []
    source.pull(world.tools, "tide", said.append)
    kept = world.home.sources / "tide.token"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    (one,) = source.shown(world.tools, "tide").sources
    assert one.forge_token
    assert "<token>" in "".join(said)
    texts = [*said, str(one), *map(str, read(world.tools.store, 0, 10_000))]
    texts += [p.read_text() for p in world.home.sources.iterdir() if p != kept]
    assert TOKEN not in "".join(texts)
    source.remove(world.tools, "tide")
    assert not kept.exists()


@pytest.mark.parametrize(
    ("url", "kind", "stays"),
    [
        (f"git@github.com:{REPOSITORY}.git", "", True),
        ("https://github.com/team/other", "", True),
        (f"https://gitlab.com/{REPOSITORY}.git", "", False),
        (f"https://git.example/{REPOSITORY}.git", "github", False),
        ("file:///srv/git/shop.git", "", False),
    ],
)
def test_a_token_goes_to_no_other_forge(world: World, url: str, kind: str, stays: bool) -> None:
    """It stays while the API is the same, as a deploy key does; else it is forgotten."""
    assert source.set_source(world.tools, "tide", Wanted(url, forge=kind)).forge_token is stays


def test_what_a_host_of_ones_own_is_stays_said(world: World, tmp_path: Path) -> None:
    """Until the source is on another host."""
    token, url = tmp_path / "token", f"https://git.example/{REPOSITORY}.git"
    with pytest.raises(UsageError, match="which forge") as caught:
        source.set_source(world.tools, "tide", Wanted(url, forge_token=token))
    assert "--forge github, gitlab, forgejo" in caught.value.hint
    assert source.shown(world.tools, "tide").sources[0].url == URL
    source.set_source(world.tools, "tide", Wanted(url, forge="gitlab", forge_token=token))
    assert source.set_source(world.tools, "tide", Wanted(url, ("next",))).forge_token
    assert world.tools.sources.get("tide").forge == "gitlab"


@pytest.mark.parametrize("text", ["", "\n", "two words", "a\nb", "ö", "x" * 5000, "a\x00"])
def test_what_is_no_token_is_refused_without_its_text(
    world: World, tmp_path: Path, text: str
) -> None:
    """It becomes a header's value. Nothing is changed by it, nor by a file that is not there."""
    with pytest.raises(Refused) as caught:
        given(world, tmp_path, text)
    assert not text.strip() or text.strip() not in str(caught.value)
    with pytest.raises(NotFound):
        source.set_source(world.tools, "tide", Wanted(URL, forge_token=tmp_path / "none"))
    assert world.tools.sources.token("tide") == Secret(TOKEN)


def test_without_a_token_nobody_is_asked(world: World, forge: Forge, state: State) -> None:
    """As it was before there was one; what was owed is forgotten."""
    forge.push("One")  # the forge does not know it: owed
    looked(world)
    world.tools.sources.put_token("tide", None)
    count = len(state.asked)
    forge.push("Two")
    looked(world)
    looked(world)
    assert len(state.asked) == count
    assert world.tools.sources.get("tide").owed == {}
    assert source.pull(world.tools, "tide", quiet).well
