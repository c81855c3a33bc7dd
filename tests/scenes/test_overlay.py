"""An overlay, from the uncommitted changes of a clone to what serves, under traffic."""

import json
from pathlib import Path

from fairlead.base.journal import Outcome, Verb
from scenes.house import App, House, git

TWO = """
[environment.local]
branch = "main"
strategy = "blue-green"

[environment.local.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"

[environment.staging]
branch = "main"
strategy = "blue-green"

[environment.staging.settings]
DATABASE_URL = "sqlite:///{{data}}/app.sqlite3"
"""


def captured(app: App, word: str, *words: str) -> dict[str, object]:
    """Change the clone without committing, and capture that; what the command line says."""
    app.write({"behave.json": json.dumps({"word": word}), "only-here.txt": "prod\n"})
    return said(app, "capture", str(app.place), *words)


def said(app: App, *words: str, code: int = 0) -> dict[str, object]:
    done = app.house.cli_in(app.clone, "overlay", *words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def test_a_captured_overlay_serves_and_stays_through_pushes(house: House):
    """The uncommitted change of a clone becomes a release; later pushes are merged with it,
    each environment with its own; dropped, the plain commit serves again."""
    app = house.app("laid", environments=TWO)
    app.released()
    staging = app.place._replace(environment="staging")
    with app.users():
        captured(app, "prod")
        app.settled()
        assert app.version()["word"] == "prod"
        assert app.version(staging)["word"] == "first"
        app.git("checkout", "--quiet", ".")
        (app.clone / "only-here.txt").unlink()
        app.write({"other.txt": "of the next commit\n"})
        app.commit("Next")
        app.released()
        app.settled()
        app.settled(staging)
        assert app.version()["word"] == "prod"
        assert app.version(staging)["word"] == "first"
        release = house.tools.desired(app.place).release
        tree = house.tools.shop.store.tree(release.artifact.digest)
        assert (tree / "only-here.txt").read_text() == "prod\n"
        assert (tree / "other.txt").is_file()
        shown = said(app, "show", str(app.place))
        assert shown["serves"] is True
        assert "+prod" in str(shown["patch"])
        said(app, "refresh", str(app.place))
        assert said(app, "show", str(app.place))["base"] == release.artifact.commit
        said(app, "drop", str(app.place))
        app.settled()
        assert app.version()["word"] == "first"
    house.must_hold()


def test_a_conflict_refuses_the_push_and_names_the_hunk(house: House):
    """Before anything is touched: the branch does not move, and the overlay serves on."""
    app = house.app("torn")
    app.released()
    captured(app, "prod")
    app.settled()
    before = app.head()
    app.git("checkout", "--quiet", ".")
    (app.clone / "only-here.txt").unlink()
    app.change("another")
    pushed = app.push()
    assert pushed.code == 1
    assert "main: refused: the overlay conflicts with" in pushed.said
    assert '- {"word": "another"}' in pushed.said
    assert '+ {"word": "prod"}' in pushed.said
    assert app.head() == before
    assert app.version()["word"] == "prod"
    assert house.entries("torn", Verb.PUSH)[-1].outcome == Outcome.REFUSED


def test_an_overlay_whose_checks_fail_is_not_taken(house: House):
    """What serves is untouched, and the deploy repo as it was."""
    app = house.app("unfit")
    app.released()
    before = git(Path(house.tools.deploy.repo.where), "rev-parse", "HEAD")
    app.write({"behave.json": json.dumps({"word": "prod", "check": 3})})
    error = said(app, "capture", str(app.place), code=3)["error"]
    assert "the overlay was not taken: failed: unit failed (exit 3" in str(error)
    assert (
        git(Path(house.tools.deploy.repo.where), "log", "--format=%s", f"{before}..").count(
            "overlay"
        )
        == 0
    )
    assert app.version()["word"] == "first"


def test_a_branch_is_asked_whether_the_overlays_apply(house: House):
    """Before it is merged, in the push and in the clone; a conflict is said with its file."""
    tail = '\n[check.overlays]\nquestion = "overlays"\n'
    app = house.app("foretold", environments=TWO, tail=tail)
    app.released()
    captured(app, "prod")
    app.settled()
    app.git("checkout", "--quiet", ".")
    (app.clone / "only-here.txt").unlink()
    app.write({"other.txt": "of a branch\n"})
    app.commit("Apart")
    apart = house.cli_in(app.clone, "verify")
    assert apart.returncode == 0, apart.stdout
    assert "applies in local" in apart.stdout
    app.change("otherwise")
    pushed = app.push("HEAD:refs/heads/topic")
    assert "overlays failed" in pushed.said, pushed.said
    told = house.cli_in(app.clone, "verify")
    assert told.returncode == 1
    assert "behave.json" in told.stdout
