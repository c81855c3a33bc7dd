"""What people do to the deploy repo with plain git: obeyed where it is clear, and where it is
not, said so, with the running release left alone until it is mended."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.base.journal import Outcome, Verb
from scenes.house import App, House, git, until


@pytest.fixture(scope="module")
def app(house: House) -> App:
    """An app with two releases, the second serving."""
    made = house.app("deployed", copies=2)
    made.released()
    made.change("second")
    made.released()
    made.settled()
    return made


def _deploy(house: House) -> Path:
    return house.tools.home.deploy


def _newest_wish(house: House, app: App) -> str:
    path = f"apps/{app.name}/local/release.json"
    return git(_deploy(house), "log", "-1", "--format=%H", "--", path)


def test_a_revert_by_hand_is_that_rollback(house: House, app: App):
    """git revert of the commit that asked for release 2: release 1 serves, and the record says
    who did it; a revert of the revert brings it back."""
    with app.users():
        for number in (1, 2):
            git(_deploy(house), "revert", "--no-edit", _newest_wish(house, app))
            app.serves(number)
            app.settled()
    wishes = house.entries(app.name, Verb.DESIRE)[-2:]
    assert [e.release for e in wishes] == [1, 2]
    assert {e.who for e in wishes} == {"Ada"}


def _dirty(where: Path) -> None:
    (where / "apps/deployed/local/release.json").write_text("{}")


def _half_merged(where: Path) -> None:
    (where / ".git" / "MERGE_HEAD").write_text(git(where, "rev-parse", "HEAD") + "\n")


def _elsewhere(where: Path) -> None:
    git(where, "switch", "--quiet", "-c", "somewhere-else")


def _malformed(where: Path) -> None:
    (where / "apps/deployed/local/release.json").write_text('{"release": "two"')
    git(where, "commit", "--quiet", "-am", "A slip of the hand")


def _unknown_release(where: Path) -> None:
    path = where / "apps/deployed/local/release.json"
    path.write_text(re.sub(r'("number": ?)2', r"\g<1>99", path.read_text()))
    git(where, "commit", "--quiet", "-am", "A release that never was")


def _changed_release(where: Path) -> None:
    path = where / "releases/deployed/2.json"
    path.write_text(path.read_text().replace("server.py", "s3rver.py"))
    git(where, "commit", "--quiet", "-am", "A release that was changed afterwards")


def _unsigned(where: Path) -> None:
    git(where, "rm", "--quiet", "releases/deployed/2.json.sig")
    git(where, "commit", "--quiet", "-m", "Who needs signatures?")


def _signed_by_a_stranger(where: Path) -> None:
    """A good signature, by a key that nobody here trusts."""
    from fairlead.drivers.sshsig.keys import machine_key

    stranger = machine_key(where.parent / "stranger")
    data = (where / "releases/deployed/2.json").read_bytes()
    signed = stranger.sign("fairlead-release", data)
    (where / "releases/deployed/2.json.sig").write_bytes(signed)
    git(where, "commit", "--quiet", "-am", "Signed by somebody")
    shutil.rmtree(where.parent / "stranger")


BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (_dirty, "has changes that are not committed"),
    (_half_merged, "is in the middle of a merge"),
    (_elsewhere, 'is on branch "somewhere-else"'),
    (_malformed, "apps/deployed/local/release.json"),
    (_unknown_release, "release 99 is not in"),
    (_changed_release, "releases/deployed/2.json"),
    (_unsigned, "there is no releases/deployed/2.json.sig"),
    (_signed_by_a_stranger, "releases/deployed/2.json"),
]


@pytest.mark.parametrize(("break_it", "said"), BROKEN, ids=[f.__name__[1:] for f, _ in BROKEN])
def test_what_cannot_be_trusted_stops_with_a_reason(
    house: House, app: App, break_it: Callable[[Path], None], said: str
):
    """The agent writes it down and status says it, with a hint; what runs is left alone; mended,
    it goes on."""
    app.serves(2)
    app.settled()
    pids, head = app.pids(), git(_deploy(house), "rev-parse", "HEAD")
    before = len(_refusals(house))
    with app.users():
        break_it(_deploy(house))
        until(lambda: len(_refusals(house)) > before, "the agent says so")
        assert said in _refusals(house)[-1]
        shown = house.cli("status")
        assert said in shown.stdout + shown.stderr
        assert "Traceback" not in shown.stdout + shown.stderr
        assert app.pids() == pids
        _mend(_deploy(house), head)
        until(lambda: house.cli("status").returncode == 0, "it is well again")
        app.settled()
        assert app.version()["release"] == 2
        assert app.pids() == pids


def _refusals(house: House) -> list[str]:
    from fairlead.record.flow import read

    entries = read(house.tools.store, 0, 100_000)
    return [e.why for e in entries if (e.verb, e.outcome) == (Verb.AGENT, Outcome.REFUSED)]


def _mend(where: Path, head: str) -> None:
    (where / ".git" / "MERGE_HEAD").unlink(missing_ok=True)
    git(where, "switch", "--quiet", "--force", "main")
    git(where, "reset", "--quiet", "--hard", head)


def test_a_deploy_repo_that_has_diverged_from_its_upstream_stops(house: House, app: App):
    """Two people wrote to two sides: which one is right is for people to say."""
    where, upstream = _deploy(house), house.root / "upstream.git"
    app.serves(2)
    app.settled()
    subprocess.run(["git", "clone", "--quiet", "--bare", str(where), str(upstream)], check=True)
    git(where, "remote", "add", "origin", str(upstream))
    git(where, "fetch", "--quiet", "origin")
    git(where, "branch", "--quiet", "--set-upstream-to=origin/main", "main")
    git(house.root, "clone", "--quiet", str(upstream), "theirs")
    with app.users():
        before = len(_refusals(house))
        git(house.root / "theirs", "commit", "--quiet", "--allow-empty", "-m", "Theirs")
        git(house.root / "theirs", "push", "--quiet")
        git(where, "commit", "--quiet", "--allow-empty", "-m", "Ours")
        git(where, "fetch", "--quiet", "origin")
        until(lambda: len(_refusals(house)) > before, "the agent says so")
        assert "have diverged" in _refusals(house)[-1]
        assert app.version()["release"] == 2
        git(where, "rebase", "--quiet", "origin/main")
        app.change("after it")
        app.released()
        app.settled()
    house.must_hold()
