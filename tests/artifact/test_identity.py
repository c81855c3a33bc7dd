"""Building and checking as a user without rights: the same artifact, and nothing planted stays."""

import os
import shlex
import stat
from pathlib import Path

import pytest

from apps import GIT, Kept, Repository, Tree, desk_in, wheel
from fairlead.artifact.flow import Workshop, build, damaged, surroundings
from fairlead.artifact.model import Artifact
from fairlead.artifact.ports import Purpose
from fairlead.base.clock import SystemClock
from fairlead.base.errors import FairleadError
from fairlead.base.ids import CommitId
from fairlead.checks.flow import Asking, verify
from fairlead.checks.model import Answer, Surroundings
from fairlead.drivers.commands import Commands, Identity
from fairlead.drivers.store import DirectoryStore
from fairlead.drivers.toolchains import Uv
from fairlead.manifest.model import App, Build, Check
from fairlead.manifest.rules import parse
from needs import missing

RIVERSIDE = Path(__file__).resolve().parents[2] / "examples" / "riverside"
NOBODY = Identity(64123, 64123)
MAKE = "import tiny; open('made.txt', 'w').write(tiny.VERSION)\n"


@pytest.fixture(autouse=True)
def _needs_root() -> None:
    if os.geteuid() != 0:
        missing("only root may give commands another user: as root this would build as nobody")


class Yard:
    """A repository of one app, and workshops that build it as root and as nobody."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository = Repository(root)
        wheel(root / "wheels", "tiny", "1.0.0")
        self.heard: list[str] = []

    def commit(self, **files: str) -> CommitId:
        lock = f"--no-index\n--find-links {self.root}/wheels\ntiny==1.0.0\n"
        named = {"make.py": MAKE, "requirements.txt": lock, "pkg/module.py": "X = {'a', 'b'}\n"}
        return self.repository.commit({**named, **files})

    def shop(self, name: str, *, cell: bool = True) -> Workshop:
        identity = NOBODY._replace(shown=(str(self.root / "wheels"),))
        runner = Commands(grace=0.3, identity=identity if cell else None)
        return Workshop(
            sources=GIT,
            runner=runner,
            store=DirectoryStore(self.root / name),
            toolchains={"python": Uv(runner, None if cell else self.root / "cache")},
            journal=Kept(),
            clock=SystemClock(),
            logs=self.root / "logs",
        )

    def build(self, shop: Workshop, app: App, commit: CommitId) -> Artifact:
        change = self.repository.change(commit)
        return build(shop, change, app, self.repository.bare, self.heard.append)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def app(*commands: str) -> App:
    return App("demo", Build("python", commands=commands), (), (), None)


def owners(root: Path) -> set[int]:
    found = [root, *(Path(folder, n) for folder, f, names in os.walk(root) for n in [*f, *names])]
    return {path.lstat().st_uid for path in found}


def test_the_same_artifact_whoever_builds(yard: Yard) -> None:
    """Its digest, and its compiled code with it; all of it belongs to root."""
    commit, made = yard.commit(), app("python make.py")
    theirs = yard.shop("cell")
    artifact = yard.build(theirs, made, commit)
    assert artifact.digest == yard.build(yard.shop("root", cell=False), made, commit).digest
    assert theirs.store.tree(artifact.digest).joinpath("made.txt").read_text() == "1.0.0"
    assert owners(yard.root / "cell") == {0}
    assert damaged(theirs, artifact, every_byte=True) == ()


def test_dependencies_are_roots_and_nothing_is_left_beside_them(yard: Yard) -> None:
    """No cache, no home, and no file that has a second name."""
    shop, tree = yard.shop("cell"), yard.root / "source"
    yard.commit()
    found = surroundings(shop, tree, app().build, Purpose.RUN, yard.heard.append)
    assert sorted(os.listdir(found.path)) == ["environment.json", "venv"]
    assert found.packages == (("tiny", "1.0.0"),)
    assert owners(Path(found.path)) == {0}
    files = [path.lstat() for path in Path(found.path).rglob("*") if path.is_file()]
    assert not [f for f in files if stat.S_ISREG(f.st_mode) and f.st_nlink > 1]


def test_a_build_changes_neither_the_store_nor_its_dependencies(yard: Yard) -> None:
    """It can read what it runs with; the rest of the store is not there."""
    store = yard.root / "cell"
    program = (
        "import os, tiny, pathlib\n"
        "def tried(what):\n"
        "    try: what()\n"
        "    except OSError as error: print(type(error).__name__, error.errno)\n"
        "    else: print('done')\n"
        "tried(lambda: pathlib.Path(tiny.__file__).write_text('VERSION = 2'))\n"
        "tried(lambda: os.chmod(tiny.__file__, 0o777))\n"
        f"tried(lambda: pathlib.Path({str(store)!r}, 'mine').write_text(''))\n"
        f"tried(lambda: os.listdir({str(store / 'artifacts')!r}))\n"
        "tried(lambda: pathlib.Path('..', 'beside').write_text(''))\n"
    )
    shop = yard.shop("cell")
    first = yard.build(shop, app(), yard.commit())
    yard.build(shop, app("python hostile.py"), yard.commit(**{"hostile.py": program}))
    said = [line.removeprefix("build | ") for line in yard.heard if line.startswith("build | ")]
    assert len(said) == 5
    assert "done" not in said
    assert damaged(shop, first, every_byte=True) == ()
    assert not list((store / "artifacts").glob("*/beside"))


def test_what_a_build_plants_misleads_nobody(yard: Yard, tmp_path: Path) -> None:
    """Where compiled code of the release before would go, a link leads elsewhere, and a pipe is
    called like a source: nothing is written there, and the build ends."""
    outside = tmp_path / "precious"
    outside.mkdir()
    shop = yard.shop("cell")
    yard.build(shop, app(), yard.commit())
    plant = f"rm -rf pkg/__pycache__; ln -s {shlex.quote(str(outside))} pkg/__pycache__"
    yard.build(shop, app(f'sh -c "{plant}"'), yard.commit(other="1"))
    assert os.listdir(outside) == []
    assert outside.stat().st_uid == 0
    with pytest.raises(FairleadError, match=r"pipe\.py"):
        yard.build(shop, app("mkfifo pipe.py"), yard.commit(other="2"))


def test_no_depth_is_too_deep_to_remove(yard: Yard) -> None:
    """A build that leaves directories below directories fails, or not; none stays as waste."""
    program = "import os\nfor _ in range(3000):\n    os.mkdir('d'); os.chdir('d')\n"
    shop = yard.shop("cell")
    with pytest.raises(FairleadError):
        yard.build(shop, app("python deep.py"), yard.commit(**{"deep.py": program}))
    assert os.listdir(yard.root / "cell" / "staging") == []


def test_a_check_is_no_longer_asked_as_root(yard: Yard) -> None:
    """Its verdict says so by saying nothing; without an identity it still says it."""
    change = yard.repository.change(yard.commit())
    check = Check("who", "sh -c 'test $(id -u) != 0 && touch here $HOME/here $TMPDIR/here'")
    for cell, answer, reason in (
        (True, Answer.PASSED, "exit 0"),
        (False, Answer.FAILED, "exit 1 (as root)"),
    ):
        work = yard.root / f"work-{cell}"
        runner = Commands(identity=NOBODY if cell else None)
        desk = desk_in(yard.root / f"desk-{cell}", Kept(), runner=runner, work=work)
        asking = Asking((check,), yard.repository.bare, Surroundings(), Tree())
        asked = verify(desk, change, asking, yard.heard.append)
        assert [(r.answer, r.reason) for r in asked.results] == [(answer, reason)]
        assert os.listdir(work) == []


@pytest.mark.scene
def test_riverside_is_the_same_artifact_whoever_builds(tmp_path: Path) -> None:
    """The example, with all its dependencies: installed, built and compiled as nobody."""
    yard = Yard(tmp_path)
    left = {"__pycache__", "staticfiles"}
    paths = [p for p in RIVERSIDE.rglob("*") if p.is_file() and not left & {*p.parts}]
    files = {
        str(p.relative_to(RIVERSIDE)): p.read_bytes() for p in paths if ".sqlite3" not in p.name
    }
    commit = yard.repository.commit(files)
    whole = parse((RIVERSIDE / "fairlead.toml").read_text())
    try:
        ours = yard.build(yard.shop("root", cell=False), whole, commit)
    except FairleadError as error:
        missing(f"no environment for the example: {error.what[-300:]}")
    assert yard.build(yard.shop("cell"), whole, commit).digest == ours.digest
    assert owners(tmp_path / "cell") == {0}
