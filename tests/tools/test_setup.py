"""The set-up of a clone: when it does nothing, and what it says when it cannot go on.

That it works from a bare machine cannot be shown here (this test's own .venv stands already);
docs/decisions/0009-set-up-without-root.md says where that was tried.
"""

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> ModuleType:
    """`tools/setup.py` as it stands in a clone of its own, with nothing set up."""
    for name in ("pyproject.toml", "requirements", "tools"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    spec = importlib.util.spec_from_file_location("setup_of_a_clone", tmp_path / "tools/setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def finish(setup: ModuleType, level: str) -> None:
    """Leave what a finished set-up leaves."""
    for tool in (setup.PYTHON, setup.UV):
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.touch()
    setup.STAMP.write_text(" ".join(setup.wanted(level)), encoding="ascii")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_finished_set_up_is_left_alone_and_quickly(clone: ModuleType) -> None:
    """With nothing changed it ends in under 0.3 s and touches nothing."""
    finish(clone, "dev")
    before = clone.STAMP.stat().st_mtime_ns
    assert min(seconds_of_a_run(clone.ROOT) for _ in range(5)) < 0.3
    assert clone.STAMP.stat().st_mtime_ns == before


def seconds_of_a_run(clone: Path) -> float:
    start = time.monotonic()
    done = subprocess.run([sys.executable, clone / "tools/setup.py", "dev"], timeout=60)
    assert done.returncode == 0
    return time.monotonic() - start


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("requirements/dev.txt", "sha256:", "sha256:0"),
        ("requirements/bootstrap.txt", "sha256:", "sha256:0"),
        ("pyproject.toml", 'requires-python = ">=3.11"', 'requires-python = ">=3.12"'),
        ("pyproject.toml", "fairlead.cli.main:main", "fairlead.cli.main:other"),
    ],
)
def test_a_change_that_matters_is_seen(clone: ModuleType, file: str, old: str, new: str) -> None:
    """Another lock, dependency or command makes the set-up run again."""
    finish(clone, "dev")
    edit(clone.ROOT / file, old, new)
    assert clone.present() != clone.wanted("dev")


def test_a_linter_setting_changes_nothing(clone: ModuleType) -> None:
    """The linters' tables of pyproject.toml are no part of what .venv holds."""
    finish(clone, "dev")
    edit(clone.ROOT / "pyproject.toml", "max-complexity = 10", "max-complexity = 9")
    assert clone.present() == clone.wanted("dev")


def test_a_set_up_cut_short_is_no_set_up(clone: ModuleType) -> None:
    """Without its Python or its uv a stamp says nothing."""
    finish(clone, "run")
    clone.UV.unlink()
    assert clone.present() == []


def test_the_demo_takes_no_test_tool_away(clone: ModuleType) -> None:
    """`run` after `dev` stays at `dev`; `dev` after `run` goes on to `dev`."""
    finish(clone, "dev")
    assert clone.level_to_reach("run") == "dev"
    finish(clone, "run")
    assert clone.level_to_reach("dev") == "dev"


def test_with_no_way_to_a_pip_it_names_the_package(clone: ModuleType) -> None:
    """Each closed way is told with its reason, and the hint is a command."""

    def closed() -> list[str]:
        raise clone.NotThisWay("there is none")

    clone.WAYS = (closed,)
    with pytest.raises(clone.SetupError) as caught:
        clone.install_uv()
    assert "closed: there is none" in str(caught.value)
    assert "apt install python3-venv" in caught.value.hint or "make room" in caught.value.hint


def test_the_mirror_that_pip_knows_is_told_to_uv(
    clone: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip's configuration counts, and its environment counts more."""
    for name in clone.FROM_PIP.values():
        monkeypatch.delenv(name, raising=False)
    pip = tmp_path / "pip.py"
    pip.write_text(
        "print(\":env:.index-url='https://env.example/simple'\")\n"
        "print(\"global.index-url='https://file.example/simple'\")\n"
        "print(\"global.cert='/etc/ours.pem'\")\n"
        "print(\"global.timeout='60'\")\n"
    )
    assert clone.uv_settings([sys.executable, str(pip)]) == {
        "UV_DEFAULT_INDEX": "https://env.example/simple",
        "SSL_CERT_FILE": "/etc/ours.pem",
    }


def test_the_line_that_says_why_is_found(clone: ModuleType) -> None:
    """Of a program's many lines, the first that is marked as an error is shown."""
    printed = "Get:1 x\nE: Write error - No space left on device\nReading...\n"
    done = subprocess.CompletedProcess(["apt-get"], 100, stdout=printed)
    assert clone.complaint(done) == "E: Write error - No space left on device"
    silent = subprocess.CompletedProcess(["x"], 3, stdout="\n")
    assert clone.complaint(silent) == "exit code 3"


def test_a_python_that_is_too_old_is_told(
    clone: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names its own version, what is needed, and the package."""
    monkeypatch.setattr(clone.sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(clone.SetupError, match=r"too old: Fairlead needs 3\.11") as caught:
        clone.need_a_new_enough_python()
    assert caught.value.hint.startswith("apt install python3.11")


def test_another_level_is_a_usage_error(clone: ModuleType) -> None:
    """Exit code 2, and nothing is made."""
    assert clone.main(["prod"]) == 2
    assert not clone.VENV.exists()


def test_the_locks_name_no_package_index_and_hash_everything() -> None:
    """A lock works with whichever index a machine is configured for, and trusts none."""
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        pins = [line for line in text.splitlines() if "==" in line and not line.startswith("#")]
        assert pins
        assert all(line.endswith("\\") for line in pins)
