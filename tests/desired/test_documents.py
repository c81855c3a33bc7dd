"""The files' forms, against golden ones in tests/cases/deploy_repo."""

from pathlib import Path

from desired.deploy_world import PLAN, PRODUCTION, World
from fairlead.desired import layout, read
from fairlead.desired.documents import Wanted, decode, decode_deploy, encode
from fairlead.desired.model import Release

CASES = Path(__file__).parents[1] / "cases" / "deploy_repo"


def test_a_release_is_written_as_the_golden_file(tmp_path: Path) -> None:
    """The published form: a change here breaks signatures that exist."""
    release = World(tmp_path).release(1, {"staging": {"A": "b"}})
    golden = (CASES / "release.json").read_bytes()
    assert encode(release) == golden
    assert decode(golden, Release, "release.json") == release


def test_a_release_from_before_secrets_is_still_read(tmp_path: Path) -> None:
    """What an older Fairlead signed says nothing of secrets, and has none."""
    older = (CASES / "release-before-secrets.json").read_bytes()
    assert b"secrets" not in older
    release = World(tmp_path).release(1, {"staging": {"A": "b"}})
    assert decode(older, Release, "release.json") == release
    assert release.secrets_in("staging") == {}


def test_what_is_desired_and_approved_is_written_as_the_golden_files(tmp_path: Path) -> None:
    """Stable keys and indents, so that `git diff` shows only what changed."""
    world = World(tmp_path)
    world.publish(1)
    world.propose(1, PRODUCTION)
    look = world.repo.look()
    golden = (CASES / "wanted.json").read_bytes()
    assert look.read(layout.proposed(PRODUCTION)) == golden
    assert encode(decode(golden, Wanted, "x")) == golden
    document = read.approval_document(look, world.verifier, PRODUCTION, PLAN)
    assert document == (CASES / "approval.json").read_bytes()


def test_the_first_deploy_toml_is_valid_and_so_is_its_example(tmp_path: Path) -> None:
    """Taking away the marks of its comment gives a rule that is read."""
    text = World(tmp_path).repo.look().read(layout.DEPLOY) or b""
    assert decode_deploy(text).apps == {}
    rule = [line[2:] for line in text.decode().splitlines() if line.startswith(("# [", "# app"))]
    found = decode_deploy("\n".join(["format = 1", *rule]).encode())
    assert found.apps["riverside"]["production"].approval
    assert len(found.apps["riverside"]["production"].approvers) == 1
