"""What is desired, with everything people and attackers do to the repository by hand."""

import json
import subprocess
from pathlib import Path

import pytest

from desired.deploy_world import ACT, PLAN, PRODUCTION, STAGING, World
from fairlead.base.canonical import digest_of
from fairlead.base.errors import FairleadError, Refused, UsageError
from fairlead.base.ids import Place
from fairlead.desired import flow, layout, read
from fairlead.desired.documents import FIRST_DEPLOY_TOML, Approval, encode
from fairlead.drivers.sshsig import machine_key

RELEASE = layout.release("shop", 1)
WANTED = layout.wanted(STAGING)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Real git; releases 1 and 2 published, 1 and then 2 desired in staging."""
    made = World(tmp_path, real=True)
    made.publish(1, 2)
    made.propose(1)
    made.propose(2)
    return made


def git(world: World, *arguments: str) -> str:
    """What a person types in the deploy repo."""
    done = subprocess.run(
        ["git", "-C", world.repo.where, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def by_hand(world: World, files: dict[str, bytes | None], message: str = "by hand") -> None:
    """Edit with an editor, commit with plain git."""
    for path, data in files.items():
        file = Path(world.repo.where) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            file.unlink()
        else:
            file.write_bytes(data)
    git(world, "add", "-A")
    git(world, "commit", "-qm", message)


def committed(world: World, path: str) -> bytes:
    data = world.repo.look().read(path)
    assert data is not None
    return data


def refused(world: World, place: Place = STAGING, *proven: int) -> FairleadError:
    with pytest.raises((Refused, UsageError)) as caught:
        world.desired(place, frozenset(proven))
    return caught.value


def test_a_revert_by_hand_is_that_rollback(world: World) -> None:
    """`git revert`: whose it was and why are the commit's own."""
    git(world, "revert", "--no-edit", "HEAD")
    found = world.desired()
    assert found
    assert (found.release.number, found.how, found.previous) == (1, "rollback", 2)
    assert found.who == "Ada Example"
    assert found.why == 'Revert "shop/staging: release 2"'
    assert found.revision == git(world, "rev-parse", "HEAD")


def test_the_revert_reverted_is_the_release_again(world: World) -> None:
    """Forward by hand, too."""
    git(world, "revert", "--no-edit", "HEAD")
    git(world, "revert", "--no-edit", "HEAD")
    found = world.desired()
    assert found
    assert (found.release.number, found.how, found.previous) == (2, "release", 1)


def test_the_first_release_reverted_by_hand_leaves_nothing_desired(world: World) -> None:
    """No answer to what should run: whoever asks leaves alone what runs."""
    by_hand(world, {WANTED: None})
    assert world.desired() is None


def test_a_merged_branch_counts_from_where_it_was_merged(world: World) -> None:
    """A colleague's pull request on the deploy repo."""
    git(world, "switch", "-qc", "back")
    git(world, "revert", "--no-edit", "HEAD")
    git(world, "switch", "-q", "main")
    git(world, "commit", "-q", "--allow-empty", "-m", "meanwhile")
    git(world, "merge", "-q", "--no-edit", "back")
    assert world.number() == 1


def test_a_strategy_edited_by_hand_is_a_new_revision(world: World) -> None:
    """The same release, another way there; the release before stays the one before."""
    text = committed(world, WANTED).decode()
    by_hand(world, {WANTED: text.replace('"bake": 60', '"bake": 5').encode()})
    found = world.desired()
    assert found
    assert (found.release.number, found.previous) == (2, 1)
    assert found.revision == git(world, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "release.json"),
        (b"{", "release.json"),
        (b"[]", "Expected `object`, got `array`"),
        (b"\xff\xfe", "release.json"),
        (b"[" * 100_000, "release.json"),
        (b'{"number": "two"}', "at `number`"),
        (b'{"number": 0}', "at `number`"),
        (b"<<<<<<< HEAD\n", "release.json"),
        (b'{"extra": 1}', "extra"),
    ],
)
def test_a_malformed_file_names_itself(world: World, data: bytes, said: str) -> None:
    """File, key, what was expected; and how to see who did it."""
    by_hand(world, {WANTED: data})
    error = refused(world)
    assert error.what.startswith("apps/shop/staging/release.json: ")
    assert said in error.what
    assert "git log" in error.hint


@pytest.mark.parametrize(
    "text",
    [b"", b"format = 2\n", b"format = 1\nfromat = 1\n", b"[", b"format = 1\napps.shop = 1\n"],
)
def test_a_malformed_deploy_toml_names_itself(world: World, text: bytes) -> None:
    """A wrong rule is no rule: nothing is read past it."""
    by_hand(world, {layout.DEPLOY: text})
    assert refused(world).what.startswith("deploy.toml: ")


def test_a_missing_deploy_toml_is_not_no_rules(world: World) -> None:
    """Whoever removes it does not remove what it asked for."""
    by_hand(world, {layout.DEPLOY: None})
    assert "deploy.toml: it is missing" in refused(world).what


@pytest.mark.parametrize("path", ["releases/shop/2.json", "releases/shop/2.json.sig"])
def test_an_edited_release_is_refused(world: World, path: str) -> None:
    """One byte of the file or of its signature."""
    data = committed(world, path)
    changed = data.replace(b"A change", b"Z change") if path.endswith("json") else data[:-60]
    by_hand(world, {path: changed})
    error = refused(world)
    assert error.what.startswith("releases/shop/2.json: ")
    assert "git -C" in error.hint


def test_a_release_without_its_signature_is_refused(world: World) -> None:
    """There is nothing to trust it by."""
    by_hand(world, {"releases/shop/2.json.sig": None})
    assert "there is no releases/shop/2.json.sig" in refused(world).what


def test_a_release_of_an_unknown_key_is_refused(world: World, tmp_path: Path) -> None:
    """Well-formed, well-signed, by a stranger."""
    stranger = machine_key(tmp_path / "stranger")
    path = layout.release("shop", 3)
    data = encode(world.release(3))
    sig = stranger.sign("fairlead-release", data)
    text = committed(world, WANTED).decode().replace('"number": 2', '"number": 3')
    by_hand(world, {path: data, f"{path}.sig": sig, WANTED: text.encode()})
    assert "unknown key" in refused(world).what


def test_a_release_signed_anew_is_refused(world: World) -> None:
    """Even by the machine's own key: a release never changes."""
    path = layout.release("shop", 2)
    data = encode(world.release(2, {"staging": {"A": "b"}}))
    sig = world.machine.sign("fairlead-release", data)
    before, after = digest_of(committed(world, path)), digest_of(data)
    text = committed(world, WANTED).replace(before.encode(), after.encode())
    by_hand(world, {path: data, f"{path}.sig": sig, WANTED: text})
    assert "never changes" in refused(world).what


def test_a_release_removed_and_brought_back_is_itself(world: World) -> None:
    """The same bytes again are no change."""
    by_hand(world, {"releases/shop/2.json": None})
    assert "release 2 is not in releases/shop" in refused(world).what
    git(world, "revert", "--no-edit", "HEAD")
    assert world.number() == 2


def test_a_release_of_another_app_or_number_is_refused(world: World) -> None:
    """A signed file moved to another name is not what the name says."""
    data, sig = committed(world, RELEASE), committed(world, f"{RELEASE}.sig")
    by_hand(world, {"releases/shop/9.json": data, "releases/shop/9.json.sig": sig})
    with pytest.raises(Refused, match="it is release 1 of 'shop'"):
        read.release(world.repo.look(), world.verifier, "shop", 9)


@pytest.mark.parametrize("key", ["artifact", "release"])
def test_another_digest_beside_the_number_is_refused(world: World, key: str) -> None:
    """What a reviewer saw is what is meant."""
    fields = json.loads(committed(world, WANTED))
    by_hand(world, {WANTED: json.dumps({**fields, key: f"sha256:{5:064x}"}).encode()})
    assert "digests are not those of release 2" in refused(world).what


def test_a_file_copied_to_another_place_is_refused(world: World) -> None:
    """It names its own place."""
    by_hand(world, {layout.wanted(PRODUCTION): committed(world, WANTED)})
    assert "it is of shop/staging" in refused(world, PRODUCTION).what


def approved(world: World, number: int) -> None:
    world.propose(number, PRODUCTION)
    world.approve()


def test_desired_by_hand_without_approval_is_refused(world: World) -> None:
    """Skipping the proposal skips nothing; a release done there before needs none."""
    world.propose(1, PRODUCTION)
    proposed = layout.proposed(PRODUCTION)
    data = committed(world, proposed)
    by_hand(world, {proposed: None, layout.wanted(PRODUCTION): data})
    error = refused(world, PRODUCTION)
    assert "release 1 is not approved for shop/production" in error.what
    assert "fairlead approve" in error.hint
    assert world.number(PRODUCTION, 1) == 1


def test_an_approval_is_for_one_proposal_only(world: World) -> None:
    """1 approved, 2 approved; going back to 1 by hand does not take the old consent up again."""
    approved(world, 1)
    approved(world, 2)
    git(world, "checkout", "-q", "HEAD~2", "--", layout.wanted(PRODUCTION))
    git(world, "commit", "-qm", "back")
    assert "approves something else" in refused(world, PRODUCTION).what
    assert world.number(PRODUCTION, 1) == 1


def test_an_old_approval_committed_again_is_not_taken_up(world: World) -> None:
    """Replayed with everything around it: proposal, approval and desired state."""
    approved(world, 1)
    approval, proposed = layout.approval(PRODUCTION, 1), layout.proposed(PRODUCTION)
    wanted = layout.wanted(PRODUCTION)
    kept = {p: committed(world, p) for p in (wanted, approval, layout.signature(approval))}
    approved(world, 2)
    gone: dict[str, bytes | None] = {approval: None, layout.signature(approval): None}
    by_hand(world, {**gone, proposed: kept[wanted]}, "propose 1 again, quietly")
    by_hand(world, {**kept, proposed: None}, "take it up")
    assert "approves something else" in refused(world, PRODUCTION).what


@pytest.mark.parametrize(
    "change",
    [{"number": 2}, {"environment": "staging"}, {"app": "other"}, {"revision": "0" * 40}],
)
def test_an_approval_of_something_else_is_refused(world: World, change: dict[str, object]) -> None:
    """Well signed, by one who may; over another release, place or revision."""
    proposed = world.propose(1, PRODUCTION)
    data = committed(world, layout.proposed(PRODUCTION))
    fields = {
        "app": "shop",
        "environment": "production",
        "number": 1,
        "plan": PLAN,
        "revision": proposed,
        "proposed": digest_of(data),
    }
    forged = encode(Approval(**{**fields, **change}))  # type: ignore[arg-type]
    path = layout.approval(PRODUCTION, 1)
    by_hand(
        world,
        {
            path: forged,
            layout.signature(path): world.machine.sign("fairlead-approval", forged),
            layout.proposed(PRODUCTION): None,
            layout.wanted(PRODUCTION): data,
        },
    )
    assert "approves something else" in refused(world, PRODUCTION).what


def test_another_strategy_than_was_approved_is_refused(world: World) -> None:
    """Consent is to every byte of what was proposed."""
    world.propose(1, PRODUCTION)
    approval = layout.approval(PRODUCTION, 1)
    document = read.approval_document(world.repo.look(), world.verifier, PRODUCTION, PLAN)
    data = committed(world, layout.proposed(PRODUCTION)).replace(b'"hold": 300', b'"hold": 0')
    files: dict[str, bytes | None] = {
        approval: document,
        layout.signature(approval): world.machine.sign("fairlead-approval", document),
        layout.proposed(PRODUCTION): None,
    }
    by_hand(world, {**files, layout.wanted(PRODUCTION): data})
    assert "approves something else" in refused(world, PRODUCTION).what


def test_consent_given_by_hand_counts(world: World) -> None:
    """The whole of an approval made with plain git and ssh-keygen's form."""
    world.propose(1, PRODUCTION)
    approval, proposed = layout.approval(PRODUCTION, 1), layout.proposed(PRODUCTION)
    document = read.approval_document(world.repo.look(), world.verifier, PRODUCTION, PLAN)
    sig = world.machine.sign("fairlead-approval", document)
    files: dict[str, bytes | None] = {approval: document, layout.signature(approval): sig}
    wanted = {layout.wanted(PRODUCTION): committed(world, proposed), proposed: None}
    by_hand(world, {**files, **wanted})
    found = world.desired(PRODUCTION)
    assert found
    assert (found.release.number, found.approved, found.who) == (1, PLAN, "Ada Example")


def test_a_release_signature_does_not_approve(world: World) -> None:
    """The namespace says what a signature is for."""
    approved(world, 1)
    path = layout.approval(PRODUCTION, 1)
    sig = world.machine.sign("fairlead-release", committed(world, path))
    by_hand(world, {layout.signature(path): sig})
    assert 'signed for "fairlead-release"' in refused(world, PRODUCTION).what


def test_an_approver_no_longer_named_does_not_approve(world: World, tmp_path: Path) -> None:
    """Only those named now; what was done there already stands."""
    approved(world, 1)
    ada = machine_key(tmp_path / "ada")
    rule = f'\n[apps.shop.production]\napprovers = ["{ada.public}"]\n'
    by_hand(world, {layout.DEPLOY: FIRST_DEPLOY_TOML + rule.encode()})
    assert "unknown key" in refused(world, PRODUCTION).what
    assert world.number(PRODUCTION, 1) == 1


def test_a_dirty_repository_is_refused_with_the_next_command(world: World) -> None:
    """A person is in the middle of something."""
    (Path(world.repo.where) / WANTED).write_text("{}")
    error = refused(world)
    assert "not committed" in error.what
    assert error.hint.startswith(f"git -C {world.repo.where} status")


def test_a_broken_release_json_is_put_right_by_going_back(world: World) -> None:
    """The verbs still work over a malformed file, so there is a way out."""
    by_hand(world, {WANTED: b"{"})
    flow.revert(world.deploy, STAGING, ACT, how="rollback", proven=frozenset(), to=1)
    assert world.number() == 1


def test_a_clone_says_the_same(world: World, tmp_path: Path) -> None:
    """Byte for byte, also where git would change the ends of lines."""
    clone = tmp_path / "clone"
    git(world, "clone", "-q", "-c", "core.autocrlf=true", world.repo.where, str(clone))
    for path in ("releases/shop/2.json", WANTED):
        assert (clone / path).read_bytes() == committed(world, path)
