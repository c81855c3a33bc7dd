"""Names and trees made to break shells and paths."""

import subprocess

import pytest

from fairlead.base.errors import UsageError
from fairlead.base.journal import Verb
from fairlead.service.up import REMOTE, set_up
from scenes.house import App, House, environment, until

BRANCHES = [
    "$(touch${IFS}pwned)",
    "`touch-pwned`",
    "a;touch-pwned;b",
    "quote'and\"quote",
    "-dash/--upload-pack=x",
    "schöne-Straße/日本",
    "deep/er/and/deeper",
    "main|cat",
    "a&b>c<d",
    "percent%0Anewline",
    "HEADS/heads/refs/heads/main",
    "intent",
]
NAMES = ["../escape", "a/b", "Ada", "-x", "a" * 33, "", "a b", "a;b", "ü", ".git", "a\n"]


def test_branches_with_hostile_names_are_verified_like_any(house: House):
    """Every one is pushed, is named as it is in the output and the record, and does nothing."""
    app = house.app("names")
    app.released()
    app.change("other")
    said = _push(app, *[f"HEAD:refs/heads/{name}" for name in BRANCHES])
    for name in BRANCHES:
        assert f"{name}: accepted: passed" in said
        assert app.head(name)
    assert not list(house.root.rglob("pwned"))
    refs = {f"refs/heads/{name}" for name in BRANCHES}
    until(lambda: {e.text("ref") for e in house.entries("names", Verb.PUSH)} >= refs, "recorded")
    assert house.tools.world.releases.get("names", 2) is None
    house.must_hold()


def test_a_tag_moves_freely_and_releases_nothing(house: House):
    """Nothing is asked of what is not a branch, whatever it is called."""
    app = house.app("tags")
    app.released()
    tags = [f"refs/tags/{name}" for name in ("v1", "$(touch${IFS}pwned)", "refs/heads/main")]
    said = _push(app, *[f"HEAD:{tag}" for tag in tags])
    assert said.count("not a branch: nothing is asked of it") == 3
    assert app.version()["release"] == 1


def test_a_protected_branch_with_a_hostile_name_serves(house: House):
    """An environment may run from any branch that git allows."""
    app = house.app("odd")
    branch = "live/$(touch${IFS}pwned);'x'"
    local = '\n[environment.local]\nbranch = "' + branch.replace("{", "{{").replace("}", "}}")
    app.manifest(environments=local + '"\nstrategy = {strategy}\n')
    app.commit("Run from an odd branch; $(touch pwned)\n\n`touch pwned`")
    pushed = app.push(f"HEAD:refs/heads/{branch}")
    assert pushed.code == 0, pushed.said
    assert app.version()["release"] == 1
    assert not list(house.root.rglob("pwned"))


def test_files_with_hostile_names_are_released_as_they_are(house: House):
    """No name in a tree is an option, a path elsewhere or a second line to anything of ours."""
    app = house.app("files")
    odd = ["-rf", "$(touch pwned)", "a\nb", "ä ö", "--help", "con:x", "%2e%2e"]
    app.write({f"odd/{name}": name for name in odd})
    app.commit("Odd names")
    app.released()
    release = house.tools.world.releases.get("files", 1)
    assert release is not None
    tree = house.tools.shop.store.tree(release.artifact.digest)
    assert {path.name for path in (tree / "odd").iterdir()} == set(odd)
    assert app.drift() == []


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../etc/passwd"])
def test_a_symlink_out_of_the_tree_is_refused(house: House, target: str):
    """A release that reads what is outside of it would not be the artifact that was checked."""
    app = house.app(f"link{len(target)}")
    (app.clone / "out").symlink_to(target)
    app.commit("A way out")
    pushed = app.push()
    assert pushed.code == 1
    assert "out" in pushed.said
    assert "symlink" in pushed.said or "symbolic link" in pushed.said or "link" in pushed.said
    assert app.head() == ""


def test_a_submodule_is_refused_with_its_path(house: House):
    """Its files are in no commit of this repository, so nobody could check them."""
    app = house.app("module")
    here = app.git("rev-parse", "HEAD")
    app.git("update-index", "--add", "--cacheinfo", f"160000,{here},vendored/thing")
    app.git("commit", "--quiet", "-m", "A submodule")
    pushed = app.push()
    assert pushed.code == 1
    assert "vendored/thing" in pushed.said
    assert "submodule" in pushed.said
    assert app.head() == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_be_a_path_is_no_app(house: House, name: str):
    """Refused before anything is made of it."""
    before = sorted(house.root.rglob("repo.git"))
    with pytest.raises(UsageError, match="not a name for an app"):
        set_up(house.tools, name)
    assert sorted(house.root.rglob("repo.git")) == before


def test_a_manifest_of_another_app_is_refused(house: House):
    """One app cannot be released through the repository of another."""
    app = house.app("mine")
    app.write({"fairlead.toml": (app.clone / "fairlead.toml").read_text().replace("mine", "other")})
    app.commit("Whose is it?")
    pushed = app.push()
    assert pushed.code == 1
    assert "app is 'other', and this is the repository of 'mine'" in pushed.said
    assert app.head() == ""


def _push(app: App, *refs: str) -> str:
    argv = ["git", "-C", str(app.clone), "push", REMOTE, *refs]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    return done.stderr
