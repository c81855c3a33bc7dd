"""The wheel holds what it must, and works on its own, away from the clone and its test tools."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import fairlead
from fairlead.base.errors import UsageError
from fairlead.drivers.host import InstalledPrograms

ROOT = Path(__file__).resolve().parent.parent.parent
UV = Path(sys.executable).parent / "uv"

pytestmark = pytest.mark.timeout(300)  # a cold cache downloads some 60 MB


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What a command printed; the test fails with its whole output when it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"UV_SYSTEM_CERTS": "1", **os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the source archive, and the wheel built from that archive."""
    out = tmp_path_factory.mktemp("dist")
    # No isolation: the backend is in the lock, so nothing is fetched to build.
    python = ("--python", sys.executable, "--no-build-isolation")
    run(UV, "build", *python, "--out-dir", out, ROOT, cwd=out)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that `uv tool install` makes of the wheel, with the locked versions."""
    place = tmp_path_factory.mktemp("tool")
    run(
        *(UV, "tool", "install", wheel, "--python", sys.executable),
        *("--constraints", ROOT / "requirements/run.txt", "--no-build"),
        cwd=place,
        UV_TOOL_DIR=str(place / "tools"),
        UV_TOOL_BIN_DIR=str(place / "bin"),
    )
    return place


@pytest.mark.parametrize(
    "name",
    [
        "fairlead/py.typed",
        "fairlead/cli/main.py",
        "fairlead/_requirements/run.txt",
        "fairlead/manifest/example.toml",
        "fairlead/_examples/riverside/fairlead.toml",
        "fairlead/_examples/riverside/manage.py",
    ],
)
def test_the_wheel_holds_code_manual_and_example(wheel: Path, name: str) -> None:
    """The code, the annotated manifest and the example are in the wheel."""
    assert name in zipfile.ZipFile(wheel).namelist()


def test_the_wheel_holds_nothing_a_machine_left_behind(wheel: Path) -> None:
    """No cache, database, environment or test travels along."""
    left = (".pyc", ".sqlite3", ".log")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.endswith(left) or "/.venv/" in name] == []
    tops = {name.split("/")[0] for name in names}
    assert tops == {"fairlead", f"fairlead-{fairlead.__version__}.dist-info"}


def test_the_source_archive_holds_what_a_build_needs(built: Path) -> None:
    """The wheel under test was built from the source archive, which has the licence and README."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "src/fairlead/__init__.py"} <= inside


def test_the_installed_command_says_its_version(installed: Path) -> None:
    """`uv tool install` gives a `fairlead` that runs outside any clone."""
    said = run(installed / "bin/fairlead", "--version", cwd=installed)
    assert fairlead.__version__ in said


def test_a_server_installs_the_wheel_by_its_own_lock(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the version that runs: whole, compiled, and started by nothing of the clone."""
    monkeypatch.setenv("UV_SYSTEM_CERTS", "1")
    program = InstalledPrograms(tmp_path, ROOT / "src/fairlead", "0").of_wheel(wheel)
    assert program.version == fairlead.__version__
    place = tmp_path / program.directory.lstrip("/")
    said = run(place / "bin/python", "-I", "-m", "fairlead", "--version", cwd=tmp_path)
    assert said.strip() == f"fairlead {fairlead.__version__}"
    assert (place / "bin/uv").stat().st_mode & 0o005 == 0o005
    packages = next(place.glob("lib/python3*/site-packages"))
    assert list(packages.glob("fairlead/__pycache__/__init__.*.pyc"))
    assert not (packages / "pytest").exists()
    again = InstalledPrograms(tmp_path, ROOT / "src/fairlead", "0").of_wheel(wheel)
    assert again == program
    other = wheel.with_name("other-1-py3-none-any.whl")
    with pytest.raises(UsageError, match="not a wheel of Fairlead"):
        InstalledPrograms(tmp_path, ROOT, "0").of_wheel(other)


def test_every_module_imports_without_the_test_tools(installed: Path) -> None:
    """No module needs a package that only the clone's .venv has."""
    code = (
        "import importlib, pkgutil, fairlead\n"
        "found = pkgutil.walk_packages(fairlead.__path__, 'fairlead.')\n"
        "names = [m.name for m in found if not {'_examples', '__main__'} & {*m.name.split('.')}]\n"
        "[importlib.import_module(name) for name in names]\n"
        "print(len(names))\n"
    )
    assert int(run(installed / "tools/fairlead/bin/python", "-I", "-c", code, cwd=installed)) > 0
