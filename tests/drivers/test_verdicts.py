"""Verdicts in files."""

from pathlib import Path

import pytest

from contracts.verdict_store import COMMIT, VERDICT, VerdictStoreContract
from fairlead.base.errors import Unknown
from fairlead.drivers.verdicts import VerdictFiles


class TestVerdictFiles(VerdictStoreContract):
    """The contract, in a directory."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> VerdictFiles:
        return VerdictFiles(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"app":"demo"}', b"\xff"])
def test_a_damaged_verdict_is_not_known(tmp_path: Path, content: bytes) -> None:
    """Never read as passed, and the file is named."""
    store = VerdictFiles(tmp_path)
    store.put(VERDICT)
    path = tmp_path / "demo" / f"{COMMIT}.json"
    path.write_bytes(content)
    with pytest.raises(Unknown, match=COMMIT):
        store.get("demo", COMMIT)


def test_it_is_for_its_owner_and_leaves_nothing_else(tmp_path: Path) -> None:
    """One file per commit, also after writing twice."""
    store = VerdictFiles(tmp_path)
    store.put(VERDICT)
    store.put(VERDICT)
    (path,) = (tmp_path / "demo").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
