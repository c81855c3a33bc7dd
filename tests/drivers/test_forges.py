"""The forges' dialects: the contract, and what only one of them does."""

import socket
from collections.abc import Iterator
from typing import ClassVar

import pytest

from contracts.forge import AT, NAME, ForgeContract, World
from drivers.fake_forge import KINDS, REPOSITORY, TOKEN, Fault, forge_of
from fairlead.base.errors import UsageError
from fairlead.base.secret import Secret
from fairlead.checks.model import Answer
from fairlead.checks.ports import ForgeAt
from fairlead.drivers.forges import forge


class Waiting:
    """A clock whose time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> float:
        return 1_800_000_000.0 + sum(self.waited)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


def world_of(kind: str) -> Iterator[World]:
    clock = Waiting()
    with forge_of(kind) as (address, state):
        made = forge(ForgeAt(kind, REPOSITORY, address), Secret(TOKEN), clock)
        yield World(made, state, clock.waited)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake is on this machine, whatever proxy the machine has."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


GITHUBS = {
    None: "pending",
    Answer.PASSED: "success",
    Answer.NOT_APPLICABLE: "success",
    Answer.FAILED: "failure",
    Answer.NOT_KNOWN: "error",
}


class TestGitHub(ForgeContract):
    STATES: ClassVar = GITHUBS
    REWRITES = "PATCH"

    @pytest.fixture
    def world(self) -> Iterator[World]:
        yield from world_of("github")

    def test_an_apps_token_finds_its_own_comment_and_no_persons(self, world: World) -> None:
        """The token of Actions may not ask who it is: what an app wrote is ours."""
        world.state.speaks = False
        world.state.by_others(f"[//]: # ({NAME})\n\nbelieve me")
        said = [world.forge.comment("12", NAME, text).sentence for text in ("a", "b")]
        assert [sentence.rpartition(": ")[2] for sentence in said] == ["added", "rewritten"]
        assert len(world.state.shown()) == 2

    def test_a_spent_limit_is_waited_for_until_it_is_reset(self, world: World) -> None:
        """GitHub's 403 with x-ratelimit-remaining: 0 names the second it is over."""
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000020"}
        world.state.faults = [Fault(403, headers)]
        assert world.forge.status(AT, NAME, Answer.PASSED, "x").done
        assert world.waited == [20]

    def test_a_time_to_come_back_may_be_a_date(self, world: World) -> None:
        """Retry-After as an HTTP-date (RFC 9110, 5.6.7), or as nonsense."""
        date = {"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}
        world.state.faults = [Fault(503, date), Fault(503, {"Retry-After": "soon"})]
        assert world.forge.status(AT, NAME, Answer.PASSED, "x").done
        assert world.waited == [30, 2]


class TestForgejo(ForgeContract):
    STATES: ClassVar = GITHUBS
    REWRITES = "PATCH"

    @pytest.fixture
    def world(self) -> Iterator[World]:
        yield from world_of("forgejo")

    def test_a_token_that_may_not_say_who_it_is_writes_no_comment(self, world: World) -> None:
        """Else each verdict would leave one more."""
        world.state.speaks = False
        sent = world.forge.comment("12", NAME, "a")
        assert (sent.done, world.state.shown()) == (False, [])
        assert "a token that may do that" in sent.sentence


class TestGitLab(ForgeContract):
    STATES: ClassVar = {
        None: "running",
        Answer.PASSED: "success",
        Answer.NOT_APPLICABLE: "success",
        Answer.FAILED: "failed",
        Answer.NOT_KNOWN: "failed",
    }
    REWRITES = "PUT"

    @pytest.fixture
    def world(self) -> Iterator[World]:
        yield from world_of("gitlab")


class TestBitbucket(ForgeContract):
    STATES: ClassVar = {
        None: "INPROGRESS",
        Answer.PASSED: "SUCCESSFUL",
        Answer.NOT_APPLICABLE: "SUCCESSFUL",
        Answer.FAILED: "FAILED",
        Answer.NOT_KNOWN: "FAILED",
    }
    REWRITES = "PUT"
    IN_BODY = True

    @pytest.fixture
    def world(self) -> Iterator[World]:
        yield from world_of("bitbucket")

    def test_names_longer_than_a_key_may_be_stay_apart(self, world: World) -> None:
        """Two long names get two statuses."""
        for name in ("fairlead/" + "a" * 40, "fairlead/" + "a" * 39 + "b"):
            assert world.forge.status(AT, name, Answer.PASSED, "x").done
        assert len({one["key"] for one in world.state.statuses}) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_token_is_said(kind: str) -> None:
    """401, with what to do."""
    with forge_of(kind) as (address, _):
        wrong = forge(ForgeAt(kind, REPOSITORY, address), Secret("other"), Waiting())
        sent = wrong.status(AT, NAME, Answer.PASSED, "x")
    assert not sent.done
    assert "401: Bad credentials (next: give it a token" in sent.sentence


def test_a_forge_that_is_not_there_is_said() -> None:
    """Nobody listens: no error, a sentence."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        clock = Waiting()
        sent = forge(ForgeAt("github", REPOSITORY, address), Secret(TOKEN), clock).status(
            AT, NAME, Answer.PASSED, "x"
        )
    assert not sent.done
    assert "no answer" in sent.sentence
    assert clock.waited == [1, 2, 4]


def test_a_token_with_a_line_end_is_not_shown() -> None:
    """What cannot be sent as a header is refused without its value."""
    with forge_of("github") as (address, state):
        made = forge(ForgeAt("github", REPOSITORY, address), Secret("tok\nen"), Waiting())
        sent = made.status(AT, NAME, Answer.PASSED, "x")
    assert (sent.done, state.asked) == (False, [])
    assert "tok" not in sent.sentence.replace("token", "")


@pytest.mark.parametrize("address", ["http://github.example/api", "ftp://x", "file:///etc/passwd"])
def test_a_token_is_sent_over_https_only(address: str) -> None:
    """Plain HTTP goes to this machine and nowhere else."""
    with pytest.raises(UsageError, match="only sent over https"):
        forge(ForgeAt("github", REPOSITORY, address), Secret(TOKEN))


def test_a_forge_of_another_kind_is_refused() -> None:
    """It names the ones there are."""
    with pytest.raises(UsageError) as caught:
        forge(ForgeAt("sourcehut", REPOSITORY), Secret(TOKEN))
    assert "bitbucket" in caught.value.hint
