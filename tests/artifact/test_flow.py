"""Building, damaging, restoring and cleaning, with real git, uv and Python."""

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import pytest

from apps import GIT, Kept, Repository, snapshot, wheel
from fairlead.artifact.flow import (
    Workshop,
    build,
    checked,
    clean,
    damaged,
    restore,
    surroundings,
    surroundings_of,
)
from fairlead.artifact.model import Artifact
from fairlead.artifact.ports import Purpose
from fairlead.base.clock import SystemClock
from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.base.ids import CommitId
from fairlead.checks.model import Answer, Change, CheckResult, Verdict
from fairlead.drivers.commands import Commands
from fairlead.drivers.store import DirectoryStore
from fairlead.drivers.toolchains import Uv
from fairlead.manifest.model import App, Build, Migrate
from needs import needs

MANAGE = """\
import os, sys, tiny
assert os.environ["FAIRLEAD_BUILD"] == "1" and "DATABASE_URL" not in os.environ
os.makedirs("static", exist_ok=True)
open("static/app.css", "w").write(f"/* {tiny.VERSION} {open('words.txt').read()} */")
"""


class Yard:
    """A workshop with a Python app that depends on tiny, made without a network."""

    def __init__(self, root: Path, store: Path | None = None) -> None:
        self.root = root
        self.repository = Repository(root)
        self.journal = Kept()
        self.heard: list[str] = []
        self.store = DirectoryStore(store or root / "store")
        wheel(root / "wheels", "tiny", "1.0.0")
        runner = Commands(grace=0.2)
        self.shop = Workshop(
            sources=GIT,
            runner=runner,
            store=self.store,
            toolchains={"python": Uv(runner, root / "cache")},
            journal=self.journal,
            clock=SystemClock(),
            logs=root / "logs",
        )

    def app(self, *commands: str, kind: str = "python", migrate: Migrate | None = None) -> App:
        return App("demo", Build(kind, commands=commands), (), (), migrate)

    def commit(self, words: str = "hello", **files: str) -> CommitId:
        lock = f"--no-index\n--find-links {self.root}/wheels\ntiny==1.0.0\n"
        return self.repository.commit(
            {"manage.py": MANAGE, "words.txt": words, "requirements.txt": lock,
             "pkg/__init__.py": "", "pkg/names.py": "NAMES = {'a', 'b', 'c'}\nX = 'a' in {'a', 'b'}\n",
             **files}
        )  # fmt: skip

    def change(self, commit: CommitId) -> Change:
        return self.repository.change(commit)

    def build(self, commit: CommitId, app: App) -> Artifact:
        return build(self.shop, self.change(commit), app, self.repository.bare, self.heard.append)

    def restore(self, artifact: Artifact, app: App) -> tuple[str, ...]:
        return restore(self.shop, artifact, app, self.repository.bare, self.heard.append)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_a_build_makes_a_whole_artifact(yard: Yard) -> None:
    """The commit's files, what the command made, compiled code, and the dependencies by key."""
    app = yard.app("python manage.py", "echo second", migrate=Migrate("m", ("pkg/*.py",)))
    artifact = yard.build(yard.commit(), app)
    tree = yard.store.tree(artifact.digest)
    assert (tree / "static/app.css").read_text() == "/* 1.0.0 hello */"
    assert sorted(name.split(".")[0] for name in os.listdir(tree / "pkg/__pycache__")) == [
        "__init__",
        "names",
    ]
    assert sorted(os.listdir(tree.parent)) == ["artifact.json", "files.msgpack", "tree"]
    assert artifact.dependencies == (("tiny", "1.0.0"),)
    assert artifact.schema is not None
    assert "build | second" in yard.heard
    assert yard.journal.said() == [("build", "intent"), ("build", "done")]
    assert yard.journal.events[1].facts["digest"] == artifact.digest
    assert damaged(yard.shop, artifact) == damaged(yard.shop, artifact, every_byte=True) == ()


def test_the_artifact_runs_with_its_surroundings(yard: Yard) -> None:
    """What a copy is started with: the environment's own Python, the tree on its path."""
    artifact = yard.build(yard.commit(), yard.app())
    around = surroundings_of(yard.shop, artifact)
    program = "import tiny, pkg.names; print(tiny.VERSION, pkg.names.X, pkg.names.__cached__)"
    done = subprocess.run(
        [f"{around.bins[0]}/python", "-c", program],
        cwd=yard.store.tree(artifact.digest), capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("1.0.0 True ")
    yard.store.remove_environment(artifact.environment_key)
    with pytest.raises(NotFound):
        surroundings_of(yard.shop, artifact)


@pytest.mark.parametrize("answer", [Answer.FAILED, Answer.NOT_KNOWN])
def test_only_passed_opens_the_gate(yard: Yard, answer: Answer) -> None:
    """Promise 12: what was built beside its checks is given to nobody."""
    commit = yard.commit()
    change = yard.change(commit)
    yard.build(commit, yard.app())
    verdict = Verdict("demo", commit, change.tree, (CheckResult("tests", answer, "why"),))
    with pytest.raises(Refused, match=f"tests: {answer}"):
        checked(yard.shop, change, verdict)


def test_a_verdict_on_another_commit_opens_nothing(yard: Yard) -> None:
    """The same app, another tree."""
    one, other = yard.commit("one"), yard.commit("other")
    verdict = Verdict("demo", one, yard.change(one).tree, ())
    with pytest.raises(Refused, match="the verdict is on"):
        checked(yard.shop, yard.change(other), verdict)


def test_a_checked_commit_has_what_it_was_built_into(yard: Yard) -> None:
    """Before it is built there is none, and none that is damaged."""
    commit = yard.commit()
    change = yard.change(commit)
    verdict = Verdict("demo", commit, change.tree, ())
    assert checked(yard.shop, change, verdict) is None
    artifact = yard.build(commit, yard.app())
    assert checked(yard.shop, change, verdict) == artifact
    words = yard.store.tree(artifact.digest) / "words.txt"
    words.chmod(0o644)
    words.write_text("other words")
    assert checked(yard.shop, change, verdict) is None


def test_a_build_that_is_of_no_more_use_is_stopped(yard: Yard) -> None:
    """Its checks did not pass, say: nobody waits for it, and its end is in the journal."""
    stop = Event()
    shop = replace(yard.shop, runner=yard.shop.runner.until(stop))
    change = yard.change(yard.commit())
    Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(FairleadError, match="stopped: its end is of no more use"):
        build(shop, change, yard.app("sleep 60"), yard.repository.bare, print)
    assert time.monotonic() - began < 10
    assert yard.journal.said() == [("build", "intent"), ("build", "failed")]


def test_the_same_commit_is_not_built_twice(yard: Yard) -> None:
    """And an empty commit with the same tree is the same artifact, for that commit."""
    app = yard.app(f"sh -c 'echo >> {yard.root}/built'")
    first = yard.build(yard.commit(), app)
    assert yard.build(first.commit, app) == first
    again = yard.build(yard.commit(), app)
    assert (again.digest, again.commit != first.commit) == (first.digest, True)
    assert (yard.root / "built").read_text() == "\n"


def test_a_damaged_artifact_is_whole_after_the_next_build(yard: Yard) -> None:
    """ "Built before" is not said of what is damaged now."""
    app, commit = yard.app("python manage.py"), yard.commit()
    artifact = yard.build(commit, app)
    words = yard.store.tree(artifact.digest) / "words.txt"
    words.chmod(0o644)
    words.write_text("changed")
    assert yard.build(commit, app) == artifact
    assert words.read_text() == "hello"
    assert damaged(yard.shop, artifact, every_byte=True) == ()


def test_two_homes_build_the_same_artifact(tmp_path: Path) -> None:
    """A digest depends on no path, time or order: the property restore stands on."""
    digests = []
    for name in ("one", "a-much-longer-name"):
        yard = Yard(tmp_path / name)
        wheels = f"--no-index\n--find-links {tmp_path}/wheels\ntiny==1.0.0\n"
        wheel(tmp_path / "wheels", "tiny", "1.0.0")
        commit = yard.commit(**{"requirements.txt": wheels})
        digests.append(yard.build(commit, yard.app("python manage.py")).digest)
    assert digests[0] == digests[1]


def test_other_content_is_another_artifact_with_the_same_dependencies(yard: Yard) -> None:
    """Shared on disk by their key."""
    app = yard.app("python manage.py")
    one, other = yard.build(yard.commit("one"), app), yard.build(yard.commit("other"), app)
    assert one.digest != other.digest
    assert one.environment_key == other.environment_key
    assert len(yard.store.environments()) == 1


def test_taking_over_compiled_code_changes_no_digest(tmp_path: Path) -> None:
    """Built after another release or as the first one: the same artifact, all of it compiled."""
    digests = []
    wheel(tmp_path / "wheels", "tiny", "1.0.0")
    for name, before in (("fresh", ()), ("after", ("one", "two"))):
        yard = Yard(tmp_path / name)
        more = {"requirements.txt": f"--no-index\n--find-links {tmp_path}/wheels\ntiny==1.0.0\n"}
        for words in (*before, "three"):
            more["pkg/changing.py"] = f"WORDS = {words!r}\n"
            artifact = yard.build(yard.commit(words, **more), yard.app("python manage.py"))
        tree = yard.store.tree(artifact.digest)
        assert len(os.listdir(tree / "pkg/__pycache__")) == 3
        digests.append(artifact.digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sh -c 'echo why >&2; exit 7'", "failed with exit 7"),
        ("no-such-program", "could not be started"),
        ("sh -c 'kill -9 $$'", "killed by signal 9"),
        ("sleep 30", "did not end within 1 s"),
        ("mkfifo pipe", "cannot hold pipe"),
    ],
)
def test_a_build_that_fails_leaves_nothing(yard: Yard, command: str, said: str) -> None:
    """No artifact, no staging, an outcome in the journal, the output kept."""
    app = App("demo", Build("command", commands=("echo first", command), limit=1), (), ())
    commit = yard.commit()
    with pytest.raises(FairleadError, match=said):
        yard.build(commit, app)
    assert yard.store.artifacts() == ()
    assert os.listdir(yard.root / "store/staging") == []
    assert yard.journal.said() == [("build", "intent"), ("build", "failed")]
    assert (yard.root / "logs/demo" / commit / "build.log").read_text().startswith("first\n")


def test_damage_is_named_and_restored_byte_for_byte(yard: Yard) -> None:
    """A changed file, a missing one, an added one; the directories stay the same ones."""
    app = yard.app("python manage.py")
    artifact = yard.build(yard.commit(), app)
    tree = yard.store.tree(artifact.digest)
    before, inode = snapshot(tree), (tree / "pkg").stat().st_ino
    for folder in (tree, tree / "static"):
        folder.chmod(0o755)
    (tree / "manage.py").chmod(0o644)
    (tree / "manage.py").write_text("import os; os.system('evil')")
    (tree / "static/app.css").unlink()
    (tree / "shell.php").write_text("x")
    harm = ("manage.py", "shell.php", "static/app.css")
    assert damaged(yard.shop, artifact) == harm
    assert yard.restore(artifact, app) == harm
    assert snapshot(tree) == before
    assert damaged(yard.shop, artifact) == damaged(yard.shop, artifact, every_byte=True) == ()
    assert (tree / "pkg").stat().st_ino == inode
    assert yard.restore(artifact, app) == ()


@pytest.mark.parametrize("lost", ["tree", "artifact.json", "files.msgpack", "."])
def test_what_is_lost_altogether_is_restored(yard: Yard, lost: str) -> None:
    """The tree, its mark, its list, all of it."""
    app = yard.app("python manage.py")
    artifact = yard.build(yard.commit(), app)
    place = yard.store.tree(artifact.digest).parent
    target = place / lost
    if target.is_dir():
        subprocess.run(["chmod", "-R", "u+w", target], check=True)
        shutil.rmtree(target)
    else:
        target.unlink()
    assert damaged(yard.shop, artifact)
    assert yard.restore(artifact, app)
    assert damaged(yard.shop, artifact, every_byte=True) == ()
    assert (place / "tree/static/app.css").is_file()


def test_a_forged_list_of_files_is_damage(yard: Yard) -> None:
    """A list that fits a changed file does not fit the digest."""
    app = yard.app()
    artifact, other = yard.build(yard.commit("one"), app), yard.build(yard.commit("two"), app)
    place, forged = (yard.store.tree(a.digest).parent for a in (artifact, other))
    subprocess.run(["chmod", "-R", "u+w", place], check=True)
    shutil.copy(forged / "files.msgpack", place / "files.msgpack")
    shutil.copy(forged / "tree/words.txt", place / "tree/words.txt")
    assert damaged(yard.shop, artifact) == ("the list of its files",)


def test_a_build_that_cannot_be_repeated_restores_nothing(yard: Yard) -> None:
    """Another digest is refused; the tree stays as it was found."""
    app = yard.app("sh -c 'date +%s%N > when'")
    artifact = yard.build(yard.commit(), app)
    tree = yard.store.tree(artifact.digest)
    (tree / "words.txt").chmod(0o644)
    (tree / "words.txt").write_text("changed")
    with pytest.raises(Refused, match="not repeatable"):
        yard.restore(artifact, app)
    assert (tree / "words.txt").read_text() == "changed"


def test_clean_keeps_what_it_must(yard: Yard) -> None:
    """Kept artifacts and their dependencies stay; foreign directories are not ours to remove."""
    app = yard.app()
    artifacts = [yard.build(yard.commit(str(n)), app) for n in range(3)]
    foreign = yard.root / "store/artifacts/not-ours"
    foreign.mkdir()
    (foreign / "file").write_text("x")
    keep = frozenset({artifacts[1].digest})
    young = clean(yard.shop, keep, "ada")
    assert young.removed == ()
    cleaned = clean(yard.shop, keep, "ada", grace=-1)
    assert set(cleaned.removed) == {artifacts[0].digest, artifacts[2].digest}
    assert cleaned.kept == (artifacts[1].digest,)
    assert cleaned.bytes > 0
    assert damaged(yard.shop, artifacts[1]) == ()
    assert surroundings_of(yard.shop, artifacts[1]).key == artifacts[1].environment_key
    assert (foreign / "file").exists()
    last = clean(yard.shop, frozenset(), "ada", grace=-1)
    assert f"environments/{artifacts[1].environment_key}" in last.removed
    assert yard.store.environments() == ()


def test_surroundings_are_installed_once(yard: Yard, tmp_path: Path) -> None:
    """For checks and for the release, when they are the same."""
    GIT.lay_out(yard.repository.bare, yard.commit(), tmp_path / "tree")
    for purpose in (Purpose.WORK, Purpose.RUN, Purpose.WORK):
        surroundings(yard.shop, tmp_path / "tree", Build("python"), purpose, yard.heard.append)
    assert [line for line in yard.heard if "installing" in line] == [
        "dependencies: installing requirements.txt"
    ]


def test_a_full_disk_is_told_with_figures(tmp_path: Path) -> None:
    """A real file system of 4 MB; after it, nothing looks complete and a smaller build works."""
    needs("mount", package="mount", adds="build on a full disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk here")
    try:
        yard = Yard(tmp_path, disk / "store")
        app = yard.app(kind="static")
        large = yard.repository.commit({"large.bin": os.urandom(5_000_000)})
        with pytest.raises(
            FairleadError, match=r"no room to lay out commit .*, which is 5 MB: 4 MB"
        ):
            yard.build(large, app)
        assert yard.store.artifacts() == ()
        yard.repository.git("rm", "--quiet", "large.bin")
        filling = yard.app("sh -c 'head -c 9000000 /dev/zero > x'", kind="command")
        with pytest.raises(FairleadError, match=r"failed with exit 1: .*; only \d+ bytes are free"):
            yard.build(yard.commit(), filling)
        assert damaged(yard.shop, yard.build(yard.commit(), app)) == ()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_nothing_is_built_into_the_last_of_a_disk(tmp_path: Path) -> None:
    """What serves needs some: a twentieth of a small disk stays free, with the figures."""
    needs("mount", package="mount", adds="build on a disk that is nearly full")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk here")
    try:
        yard = Yard(tmp_path, disk / "store")
        app = yard.app(kind="static")
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(39 * 1024 * 1024))
        with pytest.raises(Refused, match=r"no room to build: 1 MB are free .*, 2 MB stay free"):
            yard.build(yard.commit(), app)
        ballast.unlink()
        assert damaged(yard.shop, yard.build(yard.commit(), app)) == ()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
