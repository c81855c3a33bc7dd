"""One more user may write; nobody may less."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.drivers.living import acl
from needs import missing

OWNER, OTHER, STRANGER = 61001, 61002, 61003


def can(uid: int, script: str, top: Path) -> bool:
    argv = ["sh", "-c", f"cd {top} && {script}"]
    return (
        subprocess.run(argv, user=uid, group=uid, extra_groups=[], capture_output=True).returncode
        == 0
    )


@pytest.fixture
def top() -> Iterator[Path]:
    if os.geteuid() != 0:
        missing("not root: `sudo make test` would let other users try")
    root = Path(tempfile.mkdtemp(prefix="fl-acl-"))
    root.chmod(0o755)
    made = root / "media"
    (made / "below").mkdir(parents=True)
    (made / "below/old.txt").write_text("old")
    (made / "link").symlink_to("/etc/passwd")
    for path in (made, made / "below", made / "below/old.txt"):
        os.chown(path, OWNER, OWNER)
    (made / "below").chmod(0o750)
    (made / "below/old.txt").chmod(0o640)
    yield made
    shutil.rmtree(root)


def test_both_write_what_is_there_and_what_is_made(top: Path) -> None:
    """The new user, and the owner as before; a stranger no more than before."""
    acl.grant(top, OTHER)
    assert can(
        OTHER,
        "echo x >> below/old.txt && mkdir below/new && umask 077 && echo y > below/new/a",
        top,
    )
    assert can(OWNER, "echo x >> below/old.txt && echo z >> below/new/a && rm below/new/a", top)
    assert not can(STRANGER, "cat below/old.txt", top)
    assert (top / "below/old.txt").stat().st_uid == OWNER


def test_asked_again_it_changes_nothing(top: Path) -> None:
    """And a list that is there is kept."""
    acl.grant(top, STRANGER)
    acl.grant(top, OTHER)
    before = acl.read(top / "below"), (top / "below").stat().st_ctime_ns
    acl.grant(top, OTHER)
    assert (acl.read(top / "below"), (top / "below").stat().st_ctime_ns) == before
    assert before[0][acl.USER, STRANGER] == 7


def test_a_link_is_not_followed(top: Path) -> None:
    """Whoever owns the directory may have put it there."""
    before = os.stat("/etc/passwd").st_mode
    acl.grant(top, OTHER)
    assert os.stat("/etc/passwd").st_mode == before
    assert acl.read(Path("/etc/passwd")) == {}
