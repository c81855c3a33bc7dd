"""The agent's door and git's hooks that ask there."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from fairlead.agent.door import Asking, Door, Guest
from fairlead.agent.receive import Question
from fairlead.base.door import Talk, ask
from fairlead.base.errors import NotFound, Refused
from fairlead.base.paths import Home
from fairlead.base.stop import Stop
from fairlead.checks.ports import Sink
from fairlead.cli.hook import question
from needs import missing
from paths import reachable

ASKED = {
    "hook": "pre-receive", "app": "tide", "who": "ada", "receiver": 7, "quarantine": {},
    "updates": [{"ref": "refs/heads/main", "old": "", "new": "a" * 40}],
}  # fmt: skip


def opened(tmp_path: Path, answer: Callable[[Question, Sink, Stop], int]) -> Path:
    path = tmp_path / "door.sock"
    Door(path, answer).open()
    return path


def test_what_is_said_comes_line_by_line_and_the_code_last(tmp_path: Path) -> None:
    """Each line as it is said, not when all is over."""
    more = threading.Event()

    def answer(asked: Question, say: Sink, stop: Stop) -> int:
        say(f"{asked.app} {asked.updates[0].ref}")
        assert more.wait(5)
        say("two\nlines")
        return 3

    said = ask(opened(tmp_path, answer), ASKED, within=1)
    assert next(said) == "tide refs/heads/main"
    more.set()
    assert list(said) == ["two\nlines", 3]


def test_an_error_is_said_with_its_hint_and_its_code(tmp_path: Path) -> None:
    """And a mistake of ours is one line, no traceback, and the next question is answered."""

    def answer(asked: Question, say: Sink, stop: Stop) -> int:
        if asked.hook == "pre-receive":
            raise Refused("no", "do this")
        raise ValueError("a mistake")

    door = opened(tmp_path, answer)
    assert list(ask(door, ASKED, 1)) == ["no\n\nhint: do this", 3]
    assert list(ask(door, ASKED | {"hook": "other"}, 1)) == [
        "ValueError: a mistake\n\nhint: report this", 1
    ]  # fmt: skip
    assert list(ask(door, ASKED, 1))[-1] == 3


def test_a_question_that_is_none_is_answered_with_an_error(tmp_path: Path) -> None:
    """Whatever is sent, the door stays open."""
    door = opened(tmp_path, lambda asked, say, stop: 0)
    first, code = ask(door, {"hook": 1}, 1)
    assert "Expected `str`, got `int`" in str(first)
    assert code == 1
    assert list(ask(door, ASKED, 1)) == [0]


def test_who_goes_away_stops_what_was_asked(tmp_path: Path) -> None:
    """A pusher's Ctrl-C ends the checks."""
    stopped = threading.Event()

    def answer(asked: Question, say: Sink, stop: Stop) -> int:
        say("begun")
        deadline = time.monotonic() + 10
        while not stop.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
        if stop.is_set():
            stopped.set()
        say("to nobody")
        return 0

    said = ask(opened(tmp_path, answer), ASKED, 1)
    assert next(said) == "begun"
    said.close()
    assert stopped.wait(5)


def test_only_the_owner_reaches_the_door(tmp_path: Path) -> None:
    """Whoever can write to the socket can push."""
    assert opened(tmp_path, lambda *_: 0).stat().st_mode & 0o777 == 0o600


def test_a_guest_reaches_it_and_is_told_apart(tmp_path: Path) -> None:
    """By the kernel's word: what the question says of who asks does not count."""
    seen = []
    Door(tmp_path / "d", lambda asked, say, stop: seen.append(asked) or 0, Guest(1, 7)).open()
    assert list(ask(tmp_path / "d", ASKED | {"asker": 1}, 1)) == [0]
    assert seen[0].asker == os.getuid()
    made = (tmp_path / "d").stat()
    assert (made.st_mode & 0o777, made.st_gid) == (0o660, 7)


def test_another_user_is_refused_even_at_the_door(tmp_path: Path) -> None:
    """If the socket's mode were ever wrong."""
    if os.geteuid() != 0:
        missing("not root: `sudo make test` would ask as another user")
    asked = []
    reachable(tmp_path)
    door = opened(tmp_path, lambda *given: asked.append(given) or 0)
    door.chmod(0o666)
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'{}\\n'); print(s.makefile().readline())"
    )
    argv = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", code, str(door)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "user 65534 may not ask the agent" in said
    assert asked == []


def test_a_question_of_another_fairlead_is_refused(tmp_path: Path) -> None:
    """During an upgrade, say."""
    said = list(ask(opened(tmp_path, lambda *_: 0), {"kind": "future"}, 1))
    assert said[-1] == 2


def test_talk_comes_apart_from_answers(tmp_path: Path) -> None:
    """It belongs on standard error."""

    def answer(asked: Asking, say: Sink, stop: Stop) -> int:
        say("plain")
        say(Talk("talk"))
        return 0

    plain, talk, _ = ask(opened(tmp_path, answer), {"kind": "hail"}, 1)
    assert (plain, talk) == ("plain", "talk")
    assert not isinstance(plain, Talk)
    assert isinstance(talk, Talk)


def test_without_an_agent_the_push_is_told_so(tmp_path: Path) -> None:
    """After the time that a killed agent needs to come back."""
    with pytest.raises(NotFound, match="no agent is running"):
        next(ask(tmp_path / "nobody.sock", ASKED, within=0.1))


def test_a_hook_asks_for_the_refs_of_its_push(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros are "none" (githooks(5)); where the objects lie is made absolute."""
    repository = tmp_path / "tide" / "repo.git"
    repository.mkdir(parents=True)
    monkeypatch.chdir(repository)
    monkeypatch.setenv("FAIRLEAD_WHO", "ada")
    monkeypatch.setenv("GIT_QUARANTINE_PATH", "./objects/incoming")
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", "objects:/else/where")
    line = f"{'0' * 40} {'b' * 40} refs/heads/a b\n"
    asked = question("pre-receive", [line])
    assert asked["updates"] == [{"ref": "refs/heads/a b", "old": "", "new": "b" * 40}]
    assert (asked["app"], asked["who"], asked["receiver"]) == ("tide", "ada", os.getppid())
    assert asked["quarantine"] == {
        "GIT_QUARANTINE_PATH": f"{repository}/objects/incoming",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{repository}/objects:/else/where",
    }


AGENT = """
import sys, time
from pathlib import Path
from fairlead.agent.door import Door

def answer(asked, say, stop):
    say("one")
    say("two")
    time.sleep(float(sys.argv[2]))
    say("three")
    return 0

Door(Path(sys.argv[1]), answer).open()
print("open", flush=True)
time.sleep(30)
"""


@contextmanager
def agent(door: Path, seconds: str) -> Iterator["subprocess.Popen[str]"]:
    argv = [sys.executable, "-c", AGENT, str(door), seconds]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


@contextmanager
def hook(home: Home, name: str) -> Iterator["subprocess.Popen[str]"]:
    repository = home.repository("tide")
    repository.mkdir(parents=True)
    argv = [sys.executable, "-m", "fairlead.cli.hook", str(home.root), "hook", name]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=repository, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(f"{'0' * 40} {'b' * 40} refs/heads/main\n")
        process.stdin.close()
        yield process
        process.kill()


def test_a_killed_agent_is_asked_again_and_nothing_is_shown_twice(tmp_path: Path) -> None:
    """The push is in, and its pusher sees the end of it from the agent that comes back."""
    home = Home(tmp_path / "home")
    home.make()
    with ExitStack() as running:
        first = running.enter_context(agent(home.agent_door, "30"))
        pusher = running.enter_context(hook(home, "post-receive"))
        assert pusher.stdout is not None
        assert [pusher.stdout.readline(), pusher.stdout.readline()] == ["one\n", "two\n"]
        first.kill()
        first.wait()
        running.enter_context(agent(home.agent_door, "0"))
        assert pusher.stdout.read() == "three\n"
        assert pusher.wait(10) == 0
