"""uv and npm, both for real: no registry is asked, the packages are made here."""

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uv as uv_package
from hypothesis import given
from hypothesis import strategies as st

from apps import wheel
from contracts.toolchain import ToolchainContract, installed
from fairlead.artifact.ports import Purpose
from fairlead.base.errors import FairleadError, UsageError
from fairlead.drivers.commands import Commands, Identity
from fairlead.drivers.toolchains import Npm, Uv, python, requirements
from fairlead.manifest.model import Build
from needs import missing, needs

PYTHON = Build("python")
OWN = ".".join(str(part) for part in sys.version_info[:2])


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    return Uv(Commands(), tmp_path / "cache")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with wheels of its own: tiny 1.0.0 and extra 2.0.0."""
    wheel(tmp_path / "tree" / "wheels", "tiny", "1.0.0")
    wheel(tmp_path / "tree" / "wheels", "extra", "2.0.0")
    return tmp_path / "tree"


def requirement_file(tree: Path, *lines: str, name: str = "requirements.txt") -> None:
    (tree / name).write_text("\n".join(["--no-index", "--find-links ./wheels", *lines, ""]))


def project(tree: Path, *dependencies: str, more: str = "") -> None:
    (tree / "pyproject.toml").write_text(
        f'[project]\nname = "demo"\nversion = "1"\ndependencies = {json.dumps(dependencies)}\n'
        f'[tool.uv]\nno-index = true\nfind-links = ["{tree}/wheels"]\n{more}'
    )


def lock(tree: Path, tmp_path: Path) -> None:
    argv = [uv_package.find_uv_bin(), "lock", "--quiet", "--python", sys.executable]
    subprocess.run([*argv, "--cache-dir", tmp_path / "cache"], cwd=tree, check=True)


class TestUv(ToolchainContract):
    """The contract, by a requirements file."""

    build = PYTHON

    @pytest.fixture
    def toolchain(self, uv: Uv) -> Uv:
        return uv

    @pytest.fixture(name="build")
    def _build(self) -> Build:
        return PYTHON

    @pytest.fixture(name="tree")
    def _tree(self, tree: Path) -> Path:
        requirement_file(tree, "tiny==1.0.0")
        return tree

    @pytest.fixture
    def other_lock(self):
        return lambda tree: requirement_file(tree, "tiny==9.9.9")


class TestUvInACell(TestUv):
    """The same, as a user without rights, with a cache and a home that go with the installation."""

    @pytest.fixture
    def toolchain(self) -> Uv:
        return Uv(Commands(identity=nobody()), None)


def nobody() -> Identity:
    """An identity, where we may take one."""
    if os.geteuid() != 0:
        missing("only root may give commands another user: as root this would install as nobody")
    return Identity(64123, 64123)


def test_wheels_of_the_tree_are_part_of_the_key(uv: Uv, tree: Path) -> None:
    """A branch cannot fill the dependencies that another one runs with: same lines, other wheel."""
    requirement_file(tree, "tiny==1.0.0")
    first = uv.recipe(tree, PYTHON, Purpose.RUN)
    assert uv.recipe(tree, PYTHON, Purpose.RUN) == first
    wheel(tree / "wheels", "tiny", "1.0.0+theirs")
    (tree / "wheels/tiny-1.0.0+theirs-py3-none-any.whl").replace(
        tree / "wheels/tiny-1.0.0-py3-none-any.whl"
    )
    second = uv.recipe(tree, PYTHON, Purpose.RUN)
    assert first is not None
    assert second is not None
    assert second.key != first.key


def run(bin_directory: str, *argv: str) -> str:
    done = subprocess.run([f"{bin_directory}/{argv[0]}", *argv[1:]], capture_output=True, text=True)
    return done.stdout.strip()


def test_uv_lock_with_its_groups(uv: Uv, tree: Path, tmp_path: Path) -> None:
    """Work sees the development group, the release does not; without groups they are one."""
    project(tree, "tiny", more='[dependency-groups]\ndev = ["extra"]\n')
    lock(tree, tmp_path)
    work = installed(uv, tree, PYTHON, tmp_path / "work", Purpose.WORK)
    release = installed(uv, tree, PYTHON, tmp_path / "run", Purpose.RUN)
    assert work.packages == (("extra", "2.0.0"), ("tiny", "1.0.0"))
    assert release.packages == (("tiny", "1.0.0"),)
    assert work.key != release.key
    assert run(release.bins[0], "python", "-c", "import tiny; print(tiny.VERSION)") == "1.0.0"
    project(tree, "tiny")
    lock(tree, tmp_path)
    recipes = [uv.recipe(tree, PYTHON, purpose) for purpose in Purpose]
    assert recipes[0] is not None
    assert recipes[1] is not None
    assert recipes[0].key == recipes[1].key


def test_a_lock_that_no_longer_fits_is_refused(uv: Uv, tree: Path, tmp_path: Path) -> None:
    """pyproject.toml asks for more than uv.lock has: told, never brought up to date here."""
    project(tree, "tiny")
    lock(tree, tmp_path)
    before = (tree / "uv.lock").read_bytes()
    project(tree, "tiny", "extra")
    with pytest.raises(FairleadError, match=r"uv\.lock"):
        installed(uv, tree, PYTHON, tmp_path / "to")
    assert (tree / "uv.lock").read_bytes() == before


def test_pyproject_alone_is_resolved_once_and_said_to_be_open(
    uv: Uv, tree: Path, tmp_path: Path
) -> None:
    """The resolution is kept with the environment; the tree is left as it was."""
    project(tree, "tiny")
    around = installed(uv, tree, PYTHON, tmp_path / "to")
    assert around.packages == (("tiny", "1.0.0"),)
    assert "leaves versions open" in around.notes[0]
    assert 'name = "tiny"' in (tmp_path / "to/uv.lock").read_text()
    assert sorted(os.listdir(tree)) == ["pyproject.toml", "wheels"]


def test_a_version_bump_alone_keeps_the_key(uv: Uv, tree: Path) -> None:
    """Only what decides dependencies counts of pyproject.toml."""
    project(tree, "tiny")
    first = uv.recipe(tree, PYTHON, Purpose.RUN)
    text = (tree / "pyproject.toml").read_text()
    (tree / "pyproject.toml").write_text(text.replace('version = "1"', 'version = "2"'))
    assert uv.recipe(tree, PYTHON, Purpose.RUN) == first
    project(tree, "tiny", "extra")
    assert uv.recipe(tree, PYTHON, Purpose.RUN) != first


def test_pylock(uv: Uv, tree: Path, tmp_path: Path) -> None:
    """PEP 751's own file."""
    digest = hashlib.sha256((tree / "wheels/tiny-1.0.0-py3-none-any.whl").read_bytes()).hexdigest()
    (tree / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "us"\n[[packages]]\nname = "tiny"\nversion = "1.0.0"\n'
        '[[packages.wheels]]\nname = "tiny-1.0.0-py3-none-any.whl"\n'
        f'path = "wheels/tiny-1.0.0-py3-none-any.whl"\nhashes = {{ sha256 = "{digest}" }}\n'
    )
    around = installed(uv, tree, PYTHON, tmp_path / "to")
    assert around.packages == (("tiny", "1.0.0"),)
    assert around.notes == ()


def test_hashes_are_held_to(uv: Uv, tree: Path, tmp_path: Path) -> None:
    """A file that names hashes installs nothing with another."""
    requirement_file(tree, f"tiny==1.0.0 --hash=sha256:{'0' * 64}")
    with pytest.raises(FairleadError, match="could not be installed"):
        installed(uv, tree, PYTHON, tmp_path / "to")


def test_included_files_count(uv: Uv, tree: Path) -> None:
    """A change in base.txt is a change of the lock."""
    requirement_file(tree, "-r deps/base.txt")
    (tree / "deps").mkdir()
    (tree / "deps/base.txt").write_text("tiny==1.0.0\n")
    first = uv.recipe(tree, PYTHON, Purpose.RUN)
    (tree / "deps/base.txt").write_text("tiny==1.0.1\n")
    assert uv.recipe(tree, PYTHON, Purpose.RUN) != first


@pytest.mark.parametrize("line", ["-e .", ".", "-e ./lib", "--editable=.", "..", ".[dev]", "./x"])
def test_the_tree_itself_is_not_installed(uv: Uv, tree: Path, line: str) -> None:
    """One environment serves many releases: no release's code may lie in it."""
    requirement_file(tree, line)
    with pytest.raises(UsageError, match="directory of the repository itself"):
        uv.recipe(tree, PYTHON, Purpose.RUN)


@pytest.mark.parametrize("name", ["absent.txt", "/etc/passwd", "../../etc/passwd"])
def test_an_include_must_be_in_the_repository(uv: Uv, tree: Path, name: str) -> None:
    """Neither missing nor outside."""
    requirement_file(tree, f"-r {name}")
    with pytest.raises(UsageError):
        uv.recipe(tree, PYTHON, Purpose.RUN)


@pytest.mark.parametrize(
    ("line", "fixed"),
    [("a==1", True), ("a[x]==1.2 ; python_version > '3'", True), ("a @ https://x/a.whl", True),
     ("a", False), ("a>=1", False), ("a==1.*", False), ("a~=1.0", False)],
)  # fmt: skip
def test_open_versions_are_seen(tree: Path, line: str, fixed: bool) -> None:
    """One version, or it is said to be open."""
    (tree / "requirements.txt").write_text(f"# all\n{line}  # why\n")
    assert requirements.locked(tree, ("requirements.txt",)) is fixed


def test_no_dependencies_still_has_an_interpreter(uv: Uv, tree: Path, tmp_path: Path) -> None:
    """`python` works on a machine that only has python3."""
    around = installed(uv, tree, PYTHON, tmp_path / "to")
    assert run(around.bins[0], "python", "-c", "print(1)") == "1"
    assert around.packages == ()


def test_everything_is_compiled(uv: Uv, tree: Path, tmp_path: Path) -> None:
    """By hash and unchecked, so that no file time matters (PEP 552: flags 1)."""
    requirement_file(tree, "tiny==1.0.0")
    installed(uv, tree, PYTHON, tmp_path / "to")
    (compiled,) = (tmp_path / "to/venv").glob("lib/python*/site-packages/__pycache__/tiny.*.pyc")
    assert compiled.read_bytes()[4:8] == b"\1\0\0\0"


def test_a_broken_pyproject_is_a_mistake(uv: Uv, tree: Path) -> None:
    """With the file's name, and no traceback."""
    (tree / "pyproject.toml").write_text("[project\n")
    with pytest.raises(UsageError, match=r"pyproject\.toml: it cannot be read"):
        uv.recipe(tree, PYTHON, Purpose.RUN)


def test_a_python_nobody_has_is_told(uv: Uv, tree: Path, tmp_path: Path) -> None:
    """None is downloaded behind anybody's back."""
    (tree / ".python-version").write_text("3.99\n")
    with pytest.raises(FairleadError, match=r"3\.99"):
        installed(uv, tree, PYTHON, tmp_path / "to")


@pytest.mark.parametrize(
    ("asked", "fits"),
    [("", True), (">=3.11", True), (">=3.11,<4", True), ("~=3.11", True), ("~=3.11.0", True),
     ("3.11", True), ("3", True), ("==3.11.*", True), ("==3.11.2", True), ("!=3.11.1", True),
     ("3.12", False), (">=3.12", False), ("<3.11", False), ("==3.11.1", False), ("~=3.10.0", False),
     ("!=3.11.*", False), ("pypy3.11", False), (">3.11.2", False), ("<=3.11.2", True)],
)  # fmt: skip
def test_what_a_project_asks_of_python(asked: str, fits: bool) -> None:
    """PEP 440, for Python 3.11.2."""
    assert python.satisfies(asked, (3, 11, 2)) is fits


@given(st.text(max_size=20))
def test_any_text_may_be_asked(asked: str) -> None:
    """Nonsense is not met, and is no crash."""
    assert python.satisfies(asked, (3, 11, 2)) in (True, False)


def test_secrets_of_the_caller_reach_no_installer(tree: Path, tmp_path: Path) -> None:
    """Only the way to the registry is passed on."""
    around = {
        "DATABASE_URL": "s",
        "AWS_SECRET": "s",
        "HTTPS_PROXY": "p",
        "UV_INDEX_URL": "i",
        "PATH": "/bin",
    }
    from fairlead.drivers.toolchains.tool import installer_environment

    assert not {"DATABASE_URL", "AWS_SECRET"} & set(installer_environment(around))
    assert {"HTTPS_PROXY", "UV_INDEX_URL"} <= set(installer_environment(around))


# npm, with a registry of one package on loopback.


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(URL, integrity) of tiny-1.0.0.tgz, served by a real web server."""
    directory = tmp_path / "registry"
    directory.mkdir()
    package = {"name": "tiny", "version": "1.0.0", "bin": {"tiny": "tiny.js"},
               "main": "tiny.js"}  # fmt: skip
    with tarfile.open(directory / "tiny-1.0.0.tgz", "w:gz") as archive:
        for name, text in {
            "package.json": json.dumps(package),
            "tiny.js": "#!/usr/bin/env node\nmodule.exports = '1.0.0'\n",
        }.items():
            facts = tarfile.TarInfo(f"package/{name}")
            facts.size, facts.mode = len(text), 0o755
            archive.addfile(facts, io.BytesIO(text.encode()))
    digest = hashlib.sha512((directory / "tiny-1.0.0.tgz").read_bytes()).digest()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=directory)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/tiny-1.0.0.tgz"
        yield url, f"sha512-{base64.b64encode(digest).decode()}"
        server.shutdown()
        thread.join()


def package_lock(tree: Path, url: str, integrity: str) -> None:
    package = {"name": "demo", "version": "1.0.0", "dependencies": {"tiny": "1.0.0"}}
    entry = {
        "version": "1.0.0",
        "resolved": url,
        "integrity": integrity,
        "bin": {"tiny": "tiny.js"},
    }
    lock = {"name": "demo", "version": "1.0.0", "lockfileVersion": 3, "requires": True,
            "packages": {"": package, "node_modules/tiny": entry}}  # fmt: skip
    (tree / "package.json").write_text(json.dumps(package))
    (tree / "package-lock.json").write_text(json.dumps(lock))


@pytest.fixture
def npm(tmp_path: Path) -> Npm:
    for program in ("node", "npm"):
        needs(program, package="nodejs npm", adds="install a Node app's dependencies")
    return Npm(Commands(), tmp_path / "npm-cache")


class TestNpm(ToolchainContract):
    """The contract, by a package-lock.json."""

    @pytest.fixture
    def toolchain(self, npm: Npm) -> Npm:
        return npm

    @pytest.fixture(name="build")
    def _build(self) -> Build:
        return Build("node")

    @pytest.fixture(name="tree")
    def _tree(self, tmp_path: Path, registry: tuple[str, str]) -> Path:
        (tmp_path / "node").mkdir()
        package_lock(tmp_path / "node", *registry)
        return tmp_path / "node"

    @pytest.fixture
    def other_lock(self, registry: tuple[str, str]):
        url, integrity = registry
        return lambda tree: package_lock(tree, url.replace("tiny-1", "tiny-9"), integrity)

    def test_a_tree_finds_its_modules_through_the_link(
        self, npm: Npm, tree: Path, tmp_path: Path
    ) -> None:
        """As copies and checks have it."""
        around = installed(npm, tree, Build("node"), tmp_path / "to")
        ((name, target),) = around.links
        (tree / name).symlink_to(target)
        done = subprocess.run(
            ["node", "-p", "require('tiny')"], cwd=tree, capture_output=True, text=True
        )
        assert done.stdout.strip() == "1.0.0"
        assert dict(around.variables) == {"NODE_ENV": "production"}


class TestNpmInACell(TestNpm):
    """The same, as a user without rights, with a cache and a home that go with the installation."""

    @pytest.fixture
    def npm(self) -> Npm:
        for program in ("node", "npm"):
            needs(program, package="nodejs npm", adds="install a Node app's dependencies")
        return Npm(Commands(identity=nobody()), None)

    def test_a_script_of_the_app_is_run_by_nobody(
        self, npm: Npm, tree: Path, tmp_path: Path
    ) -> None:
        """It writes where it installs, and its directory is root's afterwards."""
        package = json.loads((tree / "package.json").read_text())
        tried = (
            f"id -u > who; cp /bin/true s; chmod 6755 s; echo x > {tree}/x; ls {tmp_path} >> who"
        )
        package["scripts"] = {"postinstall": f"{tried}; true"}
        (tree / "package.json").write_text(json.dumps(package))
        to = tmp_path / "to"
        installed(npm, tree, Build("node"), to)
        assert (to / "who").read_text().split() == ["64123", "node", "to"]
        assert [path.stat().st_uid for path in (to, to / "who", to / "s")] == [0, 0, 0]
        assert (to / "s").stat().st_mode & 0o7777 == 0o755
        assert not (tree / "x").exists()
        assert not (to / ".scratch").exists()


def test_what_takes_part_in_an_installation_is_part_of_its_key(npm: Npm, tmp_path: Path) -> None:
    """Scripts that npm runs then, and its settings; a test command is not."""
    package_lock(tmp_path, "http://127.0.0.1:1/tiny-1.0.0.tgz", "sha512-x")
    package = json.loads((tmp_path / "package.json").read_text())

    def key(**scripts: str) -> str:
        (tmp_path / "package.json").write_text(json.dumps({**package, "scripts": scripts}))
        recipe = npm.recipe(tmp_path, Build("node"), Purpose.RUN)
        assert recipe is not None
        return recipe.key

    assert key() == key(test="jest")
    assert key() != key(postinstall="node theirs.js")
    before = key()
    (tmp_path / ".npmrc").write_text("registry=http://127.0.0.1:2/\n")
    assert key() != before


def test_node_without_a_lock(npm: Npm, tmp_path: Path) -> None:
    """No dependencies: nothing to do. Dependencies and no lock: a mistake with its way out."""
    node = Build("node")
    assert npm.recipe(tmp_path, node, Purpose.RUN) is None
    (tmp_path / "package.json").write_text("{}")
    assert npm.recipe(tmp_path, node, Purpose.RUN) is None
    (tmp_path / "package.json").write_text('{"dependencies": {"x": "*"}}')
    with pytest.raises(UsageError, match=re.escape("no package-lock.json")):
        npm.recipe(tmp_path, node, Purpose.RUN)
