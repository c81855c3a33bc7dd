"""Hand-made servers and what is proposed of them: ``tests/cases/adopt``."""

import json
import stat
import tomllib
from pathlib import Path

import pytest

from adopt.living import CASES, LivingCase
from fairlead.adopt import papers
from fairlead.manifest.rules import parse
from fairlead.service.adopt import agreed

NAMES = sorted(case.parent.name for case in CASES.glob("*/case.json"))
FILES = ("fairlead.toml", "overlay.patch", "secrets.env", "settings.toml", "plan.md")


@pytest.mark.parametrize("name", NAMES)
def test_a_proposal_is_as_it_was_read(name: str, tmp_path: Path) -> None:
    """Each file of the proposal, word for word."""
    living = LivingCase(CASES / name, tmp_path / "root")
    living.proposed(tmp_path / "out")
    expected = CASES / name / "expected"
    for file in FILES:
        made, golden = tmp_path / "out" / file, expected / file
        assert made.exists() == golden.exists(), file
        if made.exists():
            assert made.read_text() == golden.read_text(), file


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_server_is_changed(name: str, tmp_path: Path) -> None:
    """Not one file's bytes or mode, git's own included; nor a time, but for git's objects, which
    it marks as still in use."""
    living = LivingCase(CASES / name, tmp_path / "root")
    before = every(living.root)
    living.proposed(tmp_path / "out")
    assert every(living.root) == before


def every(root: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for path in sorted(root.rglob("*")):
        facts = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(facts.st_mode) else b""
        marked = ".git/objects" in str(path)
        found[str(path)] = (facts.st_mode, 0 if marked else facts.st_mtime_ns, data)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_proposal_reads_back(name: str, tmp_path: Path) -> None:
    """The files say what was proposed, none counts as edited, and the manifest is one."""
    living = LivingCase(CASES / name, tmp_path / "root")
    proposed = living.proposed(tmp_path / "out")
    found = agreed(tmp_path / "out")
    assert found.edited == ()
    assert found.outline.app == proposed.app
    assert {line.partition(":")[0] for line in proposed.secrets} == set(found.secrets)
    assert tomllib.loads((tmp_path / "out/settings.toml").read_text()) == found.settings
    assert parse(found.manifest).environment("production") is not None


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_for_their_owner_alone(name: str, tmp_path: Path) -> None:
    """``secrets.env`` is 0600 in a directory of 0700."""
    living = LivingCase(CASES / name, tmp_path / "root")
    living.proposed(tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out/secrets.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_a_secret_is_shown(name: str, tmp_path: Path) -> None:
    """In no file but ``secrets.env``, nor in what is printed."""
    living = LivingCase(CASES / name, tmp_path / "root")
    proposed = living.proposed(tmp_path / "out")
    values = [s.reveal() for s in agreed(tmp_path / "out").secrets.values()]
    shown = [json.dumps(str(proposed))]
    shown += [p.read_text() for p in (tmp_path / "out").iterdir() if p.name != papers.SECRETS]
    assert [value for value in values if any(value in text for text in shown)] == []


def test_a_held_file_is_taken_as_it_is_when_that_is_wanted(tmp_path: Path) -> None:
    """``--allow-plain`` takes what cannot be mended."""
    living = LivingCase(CASES / "node", tmp_path / "root")
    assert living.proposed(tmp_path / "held").overlay == ()
    proposed = living.proposed(tmp_path / "out", plain=True)
    assert (proposed.overlay, proposed.held) == (("config.json",), ())
