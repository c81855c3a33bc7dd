"""A hand-made server adopted into a home without root: proposed, agreed, released, pushed to."""

import hashlib
import json
from pathlib import Path

import pytest

from adopt.living import CASES, LivingCase
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from scenes.house import App, House, git

PLACE = Place("plain", "production")


@pytest.fixture(scope="module")
def living(house: House) -> LivingCase:
    return LivingCase(CASES / "plain", house.root / "server")


def said(house: House, *words: str, code: int = 0) -> dict[str, object]:
    done = house.cli("adopt", *words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def get(house: House) -> dict[str, str]:
    listen = house.tools.notes.listen(str(PLACE))
    answer = house.tools.world.http.get(listen, "/", 5.0)
    assert answer.status == 200, answer
    return dict(json.loads(answer.body))


def short(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:8]


def test_a_hand_made_app_is_released_as_it_was(house: House, living: LivingCase):
    """Its commit with no manifest, its ignored file, its settings and its secrets; at an address
    of its own, for nginx is out of reach. Asked again, it is the same release."""
    out = house.root / "proposal"
    said(house, str(living.clone), "--root", str(living.root), "--out", str(out))
    # Read below a prefix, its paths are the server's; here the clone is where it is.
    outline = json.loads((out / "adopt.json").read_text())
    (out / "adopt.json").write_text(json.dumps({**outline, "clone": str(living.clone)}))
    before = git(living.clone, "status", "--porcelain", "--ignored")
    done = said(house, "--agree", str(out))
    assert (done["stage"], "out of reach" in str(done["done"])) == ("agreed", True)
    found = get(house)
    assert found["greeting"] == "welcome to production"
    assert found["token"] == short("t0k3n-of-production-5521")
    assert found["mail"] == short("ma1l-pa55-of-production")
    assert (found["page"], found["release"]) == ("20", "1")
    assert said(house, "--agree", str(out))["done"] == done["done"]
    assert get(house)["release"] == "1"
    assert git(living.clone, "status", "--porcelain", "--ignored") == before
    house.must_hold()


def test_a_later_push_without_a_manifest_is_released(house: House, living: LivingCase):
    """The overlay brings it, until the app has one of its own."""
    app = App(house, "plain", house.root / "laptop")
    git(house.root, "clone", "--quiet", str(living.clone), str(app.clone))
    app.git("remote", "add", "fairlead", str(house.tools.home.repository("plain")))
    app.write({"README": "of the shop\n"})
    app.commit("A readme")
    pushed = app.push()
    assert pushed.code == 0, pushed.said
    app.settled(PLACE)
    assert (get(house)["release"], get(house)["greeting"]) == ("2", "welcome to production")


def test_what_was_read_is_what_is_agreed(house: House, living: LivingCase):
    """A clone that changed since, secrets that others may read, or a held file: refused."""
    out = house.root / "proposal"
    (out / "secrets.env").chmod(0o644)
    assert "others may read" in str(said(house, "--agree", str(out), code=3)["error"])
    (out / "secrets.env").chmod(0o600)
    (living.clone / "conf.py").write_text("GREETING = 1\n")
    assert "is not what it was" in str(said(house, "--agree", str(out), code=3)["error"])


def test_what_cannot_be_done_from_here_is_said(house: House):
    """The units are systemd's, and out of reach; no adoption is none."""
    assert "systemd is out of reach" in str(said(house, "--confirm", "plain", code=3)["error"])
    assert "no adoption of 'nobody'" in str(said(house, "--undo", "nobody", code=10)["error"])
    assert said(house, "--undo", "plain")["stage"] == "undone"
    assert house.entries("plain", Verb.ADOPT)[-1].outcome == Outcome.DONE


def test_no_value_is_anywhere_in_the_home(house: House):
    """Not in the deploy repo, the record, the adoption, nor in a log."""
    files = [p for p in Path(house.home).rglob("*") if p.is_file() and "keys" not in p.parts]
    for value in (b"t0k3n-of-production-5521", b"ma1l-pa55-of-production"):
        assert [path for path in files if value in path.read_bytes()] == []
