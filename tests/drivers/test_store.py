"""The store in directories: the contract, and what a killed builder leaves."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.artifact_store import ArtifactStoreContract, put
from fairlead.base.errors import Unknown
from fairlead.drivers.store import DirectoryStore, scan


class TestDirectoryStore(ArtifactStoreContract):
    """The contract, on disk."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> DirectoryStore:
        return DirectoryStore(tmp_path / "store")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


def killed_while(tmp_path: Path, program: str) -> None:
    """Run Python that prints a line when it is in the middle, and kill it there."""
    start = (
        "from pathlib import Path; import sys, time\n"
        "from fairlead.drivers.store import DirectoryStore\n"
        f"store = DirectoryStore(Path({str(tmp_path / 'store')!r}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", start + program], stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == b"in the middle\n"
        it.send_signal(signal.SIGKILL)


def test_what_a_killed_builder_left_is_swept(store: DirectoryStore, tmp_path: Path) -> None:
    """And nothing looks complete meanwhile. A living builder's directory stays."""
    killed_while(
        tmp_path,
        "with store.stage() as staged:\n"
        "    (staged / 'half').write_text('x' * 100)\n"
        "    print('in the middle', flush=True); time.sleep(60)\n",
    )
    assert store.artifacts() == ()
    with store.stage() as living:
        names, size = store.sweep()
        assert living.is_dir()
    assert len(names) == 1
    assert size == 100
    assert os.listdir(tmp_path / "store/staging") == []
    assert store.sweep() == ((), 0)


def test_dependencies_of_a_killed_maker_are_made_again(
    store: DirectoryStore, tmp_path: Path
) -> None:
    """Its lock died with it, and half an environment is not complete."""
    killed_while(
        tmp_path,
        "def make(directory):\n"
        "    (directory / 'half').write_text('x')\n"
        "    print('in the middle', flush=True); time.sleep(60)\n"
        "store.environment('k', make)\n",
    )
    assert store.known_environment("k") is None
    seen = []
    store.environment("k", lambda directory: seen.append(os.listdir(directory)) or _none())
    assert seen == [[]]


def _none():
    from fairlead.checks.model import Surroundings

    return Surroundings("k")


def test_half_removed_is_not_complete(store: DirectoryStore) -> None:
    """The mark goes first; what is left is replaced by the next builder."""
    digest = put(store)
    (store.tree(digest).parent / "artifact.json").unlink()
    assert store.get(digest) is None
    assert put(store) == digest
    assert store.damaged(digest, every_byte=True) == ()


def test_a_full_disk_while_sealing_leaves_no_artifact(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of files cannot be written: no artifact, no staging."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            put(store)
    assert store.artifacts() == ()
    assert put(store)


@pytest.mark.parametrize("content", [b"", b"\xff", b"\x81"])
def test_an_unreadable_list_of_files_is_not_known(store: DirectoryStore, content: bytes) -> None:
    """Never "whole"."""
    digest = put(store)
    path = store.tree(digest).parent / "files.msgpack"
    path.write_bytes(content)
    with pytest.raises(Unknown, match=r"files\.msgpack"):
        store.damaged(digest)


def test_the_quick_look_reads_no_file(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand files are looked at by stat alone."""
    digest = put(
        store, {f"d{n % 20}/{n}": b"x" for n in range(1000)} | {"bin/run": b"", "a.txt": b""}
    )

    def read(path: str) -> str:
        raise AssertionError(path)

    monkeypatch.setattr(scan, "sha256_of", read)
    assert store.damaged(digest) == ()
