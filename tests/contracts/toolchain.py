"""What every ``Toolchain`` keeps (fairlead.artifact.ports)."""

from pathlib import Path

import pytest

from fairlead.artifact.ports import Install, Purpose, Toolchain
from fairlead.base.errors import FairleadError, UsageError
from fairlead.checks.model import Surroundings
from fairlead.manifest.model import Build


def installed(
    toolchain: Toolchain, tree: Path, build: Build, to: Path, purpose: Purpose = Purpose.RUN
) -> Surroundings:
    recipe = toolchain.recipe(tree, build, purpose)
    assert recipe is not None
    to.mkdir()
    return toolchain.install(Install(recipe, tree, to, str(to) + ".log", 60), lambda _: None)


class ToolchainContract:
    """Subclass it with ``toolchain``, ``build`` and ``tree``: a tree locked on tiny 1.0.0,
    and ``other_lock``, which writes another lock into a tree."""

    def test_the_same_lock_has_the_same_key(
        self, toolchain: Toolchain, build: Build, tree: Path, other_lock
    ) -> None:
        """Code does not count; the lock does."""
        first = toolchain.recipe(tree, build, Purpose.RUN)
        assert first is not None
        (tree / "code").write_text("changed")
        assert toolchain.recipe(tree, build, Purpose.RUN) == first
        other_lock(tree)
        second = toolchain.recipe(tree, build, Purpose.RUN)
        assert second is not None
        assert second.key != first.key
        assert second.lock_digest != first.lock_digest

    def test_what_is_locked_is_installed(
        self, toolchain: Toolchain, build: Build, tree: Path, tmp_path: Path
    ) -> None:
        """And said, by name and version; its programs are on the path."""
        around = installed(toolchain, tree, build, tmp_path / "to")
        assert ("tiny", "1.0.0") in around.packages
        assert (Path(around.bins[0]) / "tiny").exists()
        assert around.path == str(tmp_path / "to")

    def test_a_lock_the_manifest_names_must_be_there(
        self, toolchain: Toolchain, tree: Path
    ) -> None:
        """By the key a person can find."""
        with pytest.raises(UsageError, match=r"fairlead\.toml: build\.lock: .*'no\.lock'"):
            toolchain.recipe(tree, Build("x", lock="no.lock"), Purpose.RUN)

    def test_what_cannot_be_had_is_told(
        self, toolchain: Toolchain, build: Build, tree: Path, tmp_path: Path, other_lock
    ) -> None:
        """With the installer's own words, and where all of them are."""
        other_lock(tree)
        with pytest.raises(FairleadError, match="could not be installed") as told:
            installed(toolchain, tree, build, tmp_path / "to")
        assert "tiny" in told.value.what
        assert str(tmp_path / "to.log") in told.value.hint
