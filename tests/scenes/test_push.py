"""A push: what opens the gate, what keeps it shut, and what names cannot do."""

import time

from fairlead.base.journal import Outcome, Verb
from scenes.house import House


def test_a_first_push_ends_with_serving_and_the_trace_line(house: House):
    """Pushed, checked, built, recorded, rolled out: one command, its exit code, one line."""
    app = house.app("first")
    commit = app.commit("Start")
    pushed = app.push()
    assert pushed.code == 0, pushed.said
    assert app.version()["release"] == 1
    last = [line for line in pushed.said.splitlines() if line.startswith("remote: ")][-1]
    assert f"first release 1: commit {commit[:7]}" in last
    assert "smoke passed" in last


def test_a_protected_branch_whose_check_fails_never_moves(house: House):
    """The ref stays where it was, git says so with its exit code, and users notice nothing."""
    app = house.app("gate")
    app.released()
    before = app.head()
    with app.users():
        app.change("worse", check=3)
        pushed = app.push()
    assert pushed.code == 1
    assert "main: refused: failed: unit failed (exit 3" in pushed.said
    assert "unit | checking" in pushed.said
    assert app.head() == before
    assert app.version()["release"] == 1


def test_a_check_that_cannot_be_asked_does_not_open_the_gate(house: House):
    """Not known is not passed (promise 12)."""
    app = house.app("unsure")
    app.change("unsure", check=127)
    pushed = app.push()
    assert pushed.code == 1
    assert "not known" in pushed.said
    assert app.head() == ""


def test_a_release_that_cannot_be_built_never_moves_the_branch(house: House):
    """It is built beside its checks, so its pusher hears of it while nothing has moved."""
    app = house.app("unbuildable")
    app.released()
    before = app.head()
    app.write({"build.py": "raise SystemExit('no room for this')\n"})
    app.commit("Cannot be built")
    pushed = app.push()
    assert pushed.code == 1
    assert "build | no room for this" in pushed.said
    assert "main: refused: a build command failed with exit 1" in pushed.said
    assert app.head() == before
    assert [e.outcome for e in house.entries("unbuildable", Verb.BUILD)] == [
        Outcome.DONE, Outcome.FAILED
    ]  # fmt: skip
    assert app.version()["release"] == 1


def test_a_build_is_not_waited_for_once_its_checks_failed(house: House):
    """A pusher hears of a failed check at once, and the build's end is recorded."""
    app = house.app("hurry")
    app.write({"build.py": "import time; time.sleep(60)\n"})
    app.change("worse", check=3)
    began = time.monotonic()
    pushed = app.push()
    assert time.monotonic() - began < 20
    assert "refused: failed: unit failed (exit 3" in pushed.said
    assert [e.outcome for e in house.entries("hurry", Verb.BUILD)] == [Outcome.FAILED]


def test_an_unprotected_branch_is_verified_and_nothing_else(house: House):
    """A failing topic branch may be pushed; no release is made of a passing one."""
    app = house.app("topic")
    app.released()
    app.change("worse", check=1)
    failing = app.push("HEAD:refs/heads/topic")
    assert failing.code == 0
    assert "topic: accepted: failed: unit failed" in failing.said
    app.change("better")
    passing = app.push("HEAD:refs/heads/other/topic")
    assert "no environment runs from this branch" in passing.said
    assert app.head("topic")
    assert [e.release for e in house.entries("topic", Verb.RELEASE)] == [1]
