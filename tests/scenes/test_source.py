"""A source: what lands in a repository elsewhere serves here without anybody pushing."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.base.journal import Outcome, Verb
from fairlead.record.chain import entry_of
from scenes.house import App, House, kill, until


@pytest.fixture(scope="module")
def shop(house: House) -> Iterator[App]:
    """An app whose developer pushes to a forge, and never here."""
    app = house.app("shop")
    forge = house.root / "forge.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(forge)], check=True)
    app.git("remote", "add", "forge", str(forge))
    app.git("push", "--quiet", "forge", "HEAD:refs/heads/main")
    done = house.cli("source", "set", "shop", f"file://{forge}", "--every", "15s")
    assert done.returncode == 0, done.stderr
    yield app
    house.cli("source", "remove", "shop")


def pushes(app: App) -> list[Outcome]:
    return [Outcome(e.outcome) for e in app.house.entries("shop", Verb.PUSH)]


def at_the_forge(app: App, word: str, **behave: object) -> str:
    commit = app.change(word, **behave)
    app.git("push", "--quiet", "forge", "HEAD:refs/heads/main")
    return commit


def test_a_commit_at_the_forge_serves(shop: App) -> None:
    """Checked, built, rolled out; no request fails, and the trace says from where."""
    until(lambda: shop.address() and shop.version().get("release") == 1, "the first serves")
    shop.settled()
    with shop.users():
        commit = at_the_forge(shop, "second")
        shop.serves(2)
    told = shop.house.cli("trace", commit).stdout
    assert commit[:7] in told
    (row, *_) = [e for e in shop.house.entries("shop", Verb.PUSH) if e.text("commit") == commit]
    assert (row.who, row.text("source")) == ("source:shop", f"file://{shop.house.root}/forge.git")
    shop.house.must_hold()


@pytest.mark.soak
def test_a_commit_that_fails_is_refused_once_and_the_branch_stays(shop: App) -> None:
    """Two looks later it was still asked about once; mended, it serves."""
    shop.settled()
    before, good = len(pushes(shop)), shop.head()
    at_the_forge(shop, "broken", check=1)
    until(lambda: len(pushes(shop)) > before, "it is refused")
    assert pushes(shop)[-1] == Outcome.REFUSED
    pulled = shop.house.cli("source", "show", "shop")
    assert good not in pulled.stdout
    with pytest.raises(AssertionError):
        until(lambda: len(pushes(shop)) > before + 1, "it is asked about again", limit=32)
    assert shop.head() == good
    asked = shop.house.cli("source", "pull", "shop")
    assert asked.returncode == 1, asked.stderr
    assert "refused" in asked.stdout
    shop.write({"behave.json": '{"word": "mended"}'})
    shop.commit("Mended")
    shop.git("push", "--quiet", "forge", "HEAD:refs/heads/main")
    asked = shop.house.cli("source", "pull", "shop")
    assert asked.returncode == 0, asked.stderr
    assert "rolled out in" in asked.stderr
    assert shop.version()["word"] == "mended"


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_an_agent_killed_while_it_pulls_leaves_no_half_state(shop: App) -> None:
    """In the checks of what was pulled; the next agent asks again, and it serves."""
    shop.settled()
    commit = at_the_forge(shop, "through the kill", check_seconds=3)

    def under_way(verb: Verb) -> bool:
        found = map(entry_of, shop.house.tools.store.open())
        return any(e.verb == verb and e.text("commit") == commit for e in found)

    until(lambda: under_way(Verb.VERIFY), "it is being checked")
    objects = shop.house.tools.home.repository("shop") / "objects"
    assert list(objects.glob("tmp_objdir-pull-*"))
    assert shop.head() != commit
    kill(shop.house.agent(), signal.SIGKILL)
    until(lambda: shop.version().get("word") == "through the kill", "it serves", limit=90)
    until(lambda: not list(objects.glob("tmp_objdir-pull-*")), "the quarantine is gone")
    until(lambda: not under_way(Verb.PUSH), "no push is open")
    shop.house.must_hold()


def test_the_forge_is_away_and_comes_back(shop: App) -> None:
    """One entry for the failure; what runs runs on."""
    forge = Path(f"{shop.house.root}/forge.git")
    forge.rename(forge.with_name("away"))
    asked = shop.house.cli("source", "pull", "shop")
    assert asked.returncode == 1
    assert "Traceback" not in asked.stderr
    assert "problem" in shop.house.cli("source", "show", "shop").stdout
    forge.with_name("away").rename(forge)
    assert shop.house.cli("source", "pull", "shop").returncode == 0
    told = [e.text("how") for e in shop.house.entries("shop", Verb.SOURCE)]
    assert told[-2:] == ["failed", "answers"]
