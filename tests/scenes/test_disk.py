"""A disk that fills up while a release is built."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from needs import missing, needs
from scenes.house import House

ROOM = 48 * 1024 * 1024


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose home is a small disk of its own."""
    mount = needs("mount", package="mount", adds="show what a full disk does to a build")
    if os.geteuid() != 0:
        missing("only root may mount: as root this would show what a full disk does to a build")
    root = tmp_path_factory.mktemp("small")
    argv = [mount, "-t", "tmpfs", "-o", f"size={ROOM},mode=0700", "fairlead-scene", str(root)]
    if subprocess.run(argv, capture_output=True).returncode:
        missing("nothing may be mounted here: elsewhere this would show what a full disk does")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root))
        patch.setenv("FAIRLEAD_WHO", "ada")
        made = House(root)
        try:
            yield made
        finally:
            made.close()
            subprocess.run(["umount", "--lazy", str(root)], check=True)


FILL = """
import sys
with open("big", "wb") as big:
    while True:
        big.write(bytes(1 << 20))
        big.flush()
"""


def test_a_build_that_fills_the_disk_leaves_the_site_alone(small: House):
    """A clear error with figures; users notice nothing; with room again, it works again."""
    app = small.app("full")
    app.released()
    good = (app.clone / "build.py").read_text()
    with app.users():
        app.write({"build.py": FILL})
        app.change("too big")
        pushed = app.push()
        assert "Traceback (most recent call last)" not in _ours(pushed.said)
        # The build says so, or the check beside it, whichever meets the end of the disk first.
        assert "bytes are free" in pushed.said or "its disk has" in pushed.said, pushed.said
        assert app.version()["release"] == 1
        assert _free(small.root) > ROOM // 4, "what was half built is gone"
        app.write({"build.py": good})
        app.change("of a good size")
        app.released()
        app.settled()
    small.must_hold()


def test_a_disk_that_somebody_else_filled_refuses_a_push_and_recovers(small: House):
    """Not one byte is left: nothing new can be written down, so nothing new is done."""
    app = small.app("nowhere")
    app.released()
    hog = small.root / "hog"
    with app.users():
        app.change("second")
        _fill(hog)
        pushed = app.push()
        assert pushed.code != 0, pushed.said
        assert "Traceback (most recent call last)" not in pushed.said, pushed.said
        assert app.version()["release"] == 1
        hog.unlink()
        app.released()
        app.settled()
    assert app.version()["release"] == 2
    small.must_hold()


def _ours(said: str) -> str:
    """What Fairlead says itself: a tool's own output has its name in front."""
    return "\n".join(line for line in said.splitlines() if " | " not in line)


def _free(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as hog:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    hog.write(bytes(size))
            except OSError:
                continue
