"""Verdicts in files."""

from pathlib import Path

import msgspec
import pytest

from contracts.verdict_store import COMMIT, VERDICT, VerdictStoreContract
from fairlead.base.errors import Unknown
from fairlead.checks.model import Answer, CheckResult
from fairlead.drivers.sshsig import KeyVerifier, machine_key
from fairlead.drivers.verdicts import VerdictFiles


def files(directory: Path, keys: str = "keys") -> VerdictFiles:
    """A store whose home has a key of its own, kept beside it."""
    signer = machine_key(directory.parent / f"{directory.name}-{keys}")
    return VerdictFiles(directory, signer, KeyVerifier(directory / "none"))


class TestVerdictFiles(VerdictStoreContract):
    """The contract, in a directory."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> VerdictFiles:
        return files(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"app":"demo"}', b"\xff"])
def test_a_damaged_verdict_is_not_known(tmp_path: Path, content: bytes) -> None:
    """Never read as passed, and the file is named."""
    store = files(tmp_path)
    store.put(VERDICT)
    path = tmp_path / "demo" / f"{COMMIT}.json"
    path.write_bytes(content)
    with pytest.raises(Unknown, match=COMMIT):
        store.get("demo", COMMIT)


def test_it_is_for_its_owner_and_leaves_nothing_else(tmp_path: Path) -> None:
    """One file per commit and its signature, also after writing twice."""
    store = files(tmp_path)
    store.put(VERDICT)
    store.put(VERDICT)
    found = sorted((tmp_path / "demo").iterdir())
    assert [path.suffix for path in found] == [".json", ".sig"]
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}


def test_what_another_home_signed_is_not_believed(tmp_path: Path) -> None:
    """Nor what was edited: a green that somebody wrote in by hand is none."""
    files(tmp_path, "theirs").put(VERDICT)
    with pytest.raises(Unknown):
        files(tmp_path).get("demo", COMMIT)
    ours = files(tmp_path)
    ours.put(VERDICT)
    path = tmp_path / "demo" / f"{COMMIT}.json"
    path.write_bytes(path.read_bytes().replace(b'"failed"', b'"passed"'))
    with pytest.raises(Unknown):
        ours.get("demo", COMMIT)


def test_an_answer_is_found_by_its_key_and_only_where_its_verdict_bears_it_out(
    tmp_path: Path,
) -> None:
    """The file that leads from the key to the verdict is believed in nothing."""
    store, key = files(tmp_path), "sha256:" + "1" * 64
    passed = CheckResult("tests", Answer.PASSED, "exit 0", key=key)
    store.put(msgspec.structs.replace(VERDICT, results=(passed,)))
    found = store.answered("demo", key)
    assert found is not None
    assert found[1] == passed
    other = "sha256:" + "2" * 64
    lead = tmp_path / "demo" / "keys" / ("1" * 64)
    lead.rename(lead.with_name("2" * 64))
    assert store.answered("demo", other) is None
    assert store.answered("demo", key) is None


@pytest.mark.parametrize("answer", [Answer.FAILED, Answer.NOT_KNOWN])
def test_an_answer_that_opens_no_gate_is_never_found(tmp_path: Path, answer: Answer) -> None:
    """It is asked again, each time."""
    store, key = files(tmp_path), "sha256:" + "1" * 64
    store.put(msgspec.structs.replace(VERDICT, results=(CheckResult("t", answer, "", key=key),)))
    assert store.answered("demo", key) is None


def test_what_is_kept_is_what_it_was(tmp_path: Path) -> None:
    """Found by its digest; changed or gone, nobody can say what it was."""
    store = files(tmp_path)
    digest = store.keep(b"a contract")
    path = store.kept(digest)
    assert path.read_bytes() == b"a contract"
    path.write_bytes(b"another")
    with pytest.raises(Unknown, match="not what it was"):
        store.kept(digest)
    path.unlink()
    with pytest.raises(Unknown, match="gone"):
        store.kept(digest)
