"""The verbs of the deploy room, each one commit and told to the journal."""

from pathlib import Path

import pytest

from desired.deploy_world import ACT, OTHER_PLAN, PLAN, PRODUCTION, STAGING, World
from fairlead.base.errors import FairleadError, NotAllowed, NotFound, Refused, Unknown, UsageError
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from fairlead.desired import flow, layout, read
from fairlead.desired.documents import FIRST_DEPLOY_TOML
from fairlead.desired.flow import Act
from fairlead.drivers.sshsig import KeySigner, machine_key
from fairlead.manifest.model import BlueGreen, Canary


@pytest.fixture(params=["memory", "git"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Every verb on both drivers."""
    return World(tmp_path, real=request.param == "git")


def name_approvers(world: World, *keys: KeySigner) -> None:
    """As a person would edit it."""
    lines = ", ".join(f'"{key.public}"' for key in keys)
    rules = f"\n[apps.shop.production]\napprovers = [{lines}]\n".encode()
    world.repo.commit({layout.DEPLOY: FIRST_DEPLOY_TOML + rules}, "approvers", "ada", ACT.now)


def test_a_release_is_published_and_read_back(world: World) -> None:
    """The same value, signed, under the next number."""
    assert read.next_number(world.repo.look(), "shop") == 1
    world.publish(1)
    look = world.repo.look()
    assert read.release(look, world.verifier, "shop", 1) == world.release(1)
    assert read.releases(look, "shop") == (1,)
    assert read.next_number(look, "shop") == 2
    assert read.next_number(look, "other") == 1


def test_a_release_published_twice_is_one(world: World) -> None:
    """Started again after a crash: the same commit, no new one."""
    first = flow.publish(world.deploy, world.machine, world.release(1), ACT)
    assert flow.publish(world.deploy, world.machine, world.release(1), ACT) == first


def test_a_release_is_never_changed(world: World) -> None:
    """Another one of the same number is refused, and the hint names the next."""
    world.publish(1)
    other = world.release(1, {"staging": {"A": "b"}})
    with pytest.raises(Refused) as caught:
        flow.publish(world.deploy, world.machine, other, ACT)
    assert caught.value.hint == "the next number is 2"
    assert world.events.outcomes(Verb.RELEASE)[-1].outcome is Outcome.REFUSED


def test_a_number_once_taken_is_never_taken_again(world: World) -> None:
    """Not even after somebody removed the release."""
    world.publish(1)
    path = layout.release("shop", 1)
    world.repo.commit({path: None, layout.signature(path): None}, "oops", "ada", ACT.now)
    assert read.next_number(world.repo.look(), "shop") == 2


def test_what_is_proposed_where_none_approves_is_desired(world: World) -> None:
    """The commit is the revision; strategy, why, who and the release before come with it."""
    world.publish(1, 2)
    assert world.desired() is None
    world.propose(1)
    revision = world.propose(2)
    found = world.desired()
    assert found
    assert (found.revision, found.release, found.how) == (revision, world.release(2), "release")
    assert (found.previous, found.why, found.who) == (1, ACT.why, "Ada")
    assert found.strategy == Canary()
    assert found.approved == ""


def test_an_unrelated_commit_does_not_move_the_revision(world: World) -> None:
    """Another release, another place, the record's head: the desired state is the same value."""
    world.publish(1)
    world.propose(1)
    before = world.desired()
    world.publish(2)
    world.propose(2, PRODUCTION)
    flow.anchor(world.repo, world.machine, 7, "ab", ACT.now)
    assert world.desired() == before


def test_asking_again_for_what_is_desired_changes_nothing(world: World) -> None:
    """The revision stays, so nothing is rolled out again."""
    world.publish(1)
    revision = world.propose(1)
    assert world.propose(1) == revision


def test_an_approval_is_asked_for_before_it_is_desired(world: World) -> None:
    """Held, shown as a proposal, and taken up in one commit with its approval."""
    world.publish(1)
    proposed = world.propose(1, PRODUCTION)
    assert world.desired(PRODUCTION) is None
    held = read.proposal(world.repo.look(), world.verifier, PRODUCTION)
    assert held
    assert (held.revision, held.release.number, held.previous) == (proposed, 1, 0)
    approved = world.approve()
    found = world.desired(PRODUCTION)
    assert found
    assert (found.revision, found.approved, found.how) == (approved.revision, PLAN, "release")
    assert (found.why, found.strategy) == (ACT.why, BlueGreen())
    assert read.proposal(world.repo.look(), world.verifier, PRODUCTION) is None
    assert approved.by == "machine"


def test_deploy_toml_may_ask_for_an_approval(world: World) -> None:
    """Also where the manifest does not."""
    rules = b"[apps.shop.staging]\napproval = true\n"
    world.repo.commit({layout.DEPLOY: FIRST_DEPLOY_TOML + rules}, "m", "ada", ACT.now)
    world.publish(1)
    world.propose(1)
    assert world.desired() is None


def test_only_a_named_approver_approves(world: World, tmp_path: Path) -> None:
    """With approvers named, the home's own key is not enough; theirs is, also detached."""
    ada = machine_key(tmp_path / "ada")
    name_approvers(world, ada)
    world.publish(1)
    world.propose(1, PRODUCTION)
    with pytest.raises(NotAllowed) as caught:
        world.approve()
    assert "[apps.shop.production]" in caught.value.hint
    assert world.number(PRODUCTION) == 0
    document = read.approval_document(world.repo.look(), world.verifier, PRODUCTION, PLAN)
    approved = world.approve(ada.sign("fairlead-approval", document))
    assert approved.key.startswith("SHA256:")
    assert world.number(PRODUCTION) == 1


def test_a_signature_over_another_plan_does_not_approve(world: World) -> None:
    """Consent is bound to the plan that was seen."""
    world.publish(1)
    world.propose(1, PRODUCTION)
    document = read.approval_document(world.repo.look(), world.verifier, PRODUCTION, OTHER_PLAN)
    with pytest.raises(NotAllowed, match="not over these bytes"):
        world.approve(world.machine.sign("fairlead-approval", document))


def test_a_signature_over_an_older_proposal_does_not_approve(world: World) -> None:
    """A newer proposal needs consent of its own."""
    world.publish(1, 2)
    world.propose(1, PRODUCTION)
    old = read.approval_document(world.repo.look(), world.verifier, PRODUCTION, PLAN)
    world.propose(2, PRODUCTION)
    with pytest.raises(NotAllowed):
        world.approve(world.machine.sign("fairlead-approval", old))


def test_nothing_proposed_is_not_found(world: World) -> None:
    """There is nothing to approve."""
    with pytest.raises(NotFound):
        world.approve()


def test_promoting_asks_for_the_same_artifact(world: World) -> None:
    """What runs in one environment is held for approval in the next."""
    world.publish(1)
    world.propose(1)
    flow.promote(world.deploy, STAGING, PRODUCTION, ACT, approval=True)
    world.approve()
    found, origin = world.desired(PRODUCTION), world.desired()
    assert found
    assert origin
    assert found.release == origin.release
    assert found.how == "promote"


def test_promoting_needs_something_to_promote(world: World) -> None:
    """Nothing desired, or another app."""
    with pytest.raises(NotFound):
        flow.promote(world.deploy, STAGING, PRODUCTION, ACT, approval=False)
    with pytest.raises(UsageError):
        flow.promote(world.deploy, STAGING, Place("other", "production"), ACT, approval=False)


def test_an_environment_the_manifest_does_not_know(world: World) -> None:
    """Named with those it does know."""
    world.publish(1)
    with pytest.raises(UsageError) as caught:
        world.propose(1, Place("shop", "moon"))
    assert "staging, production" in caught.value.hint


def go_back(world: World, how: str, *proven: int, to: int = 0) -> int:
    flow.revert(world.deploy, STAGING, ACT, how=how, proven=frozenset(proven), to=to)
    return world.number()


def test_going_back_again_goes_further_back(world: World) -> None:
    """A rollback does not return to what was just left."""
    world.publish(1, 2, 3)
    for number in (1, 2, 3):
        world.propose(number)
    assert go_back(world, "rollback", 1, 2, 3) == 2
    assert go_back(world, "rollback", 1, 2, 3) == 1
    found = world.desired()
    assert found
    assert (found.how, found.previous) == ("rollback", 2)
    with pytest.raises(Refused, match="no release to go back to"):
        go_back(world, "rollback", 1, 2, 3)


def test_going_back_skips_what_never_was_good(world: World) -> None:
    """A release that failed here is no place to return to."""
    world.publish(1, 2, 3)
    for number in (1, 2, 3):
        world.propose(number)
    assert go_back(world, "rollback", 1, 3) == 1


def test_a_failed_release_returns_to_what_served(world: World) -> None:
    """Not to one that was asked for in between and never served."""
    world.publish(1, 2, 3)
    for number in (1, 2, 3):
        world.propose(number)
    assert go_back(world, "return", 1) == 1
    found = world.desired()
    assert found
    assert (found.how, found.previous) == ("return", 3)


def test_the_first_release_has_nothing_to_return_to(world: World) -> None:
    """Said so; nothing is changed."""
    world.publish(1)
    revision = world.propose(1)
    with pytest.raises(Refused):
        go_back(world, "return")
    found = world.desired()
    assert found
    assert found.revision == revision


def test_going_back_to_a_named_release(world: World) -> None:
    """Any that is there; one that is not is not found."""
    world.publish(1, 2, 3)
    for number in (1, 2, 3):
        world.propose(number)
    assert go_back(world, "rollback", to=1) == 1
    with pytest.raises(NotFound):
        go_back(world, "rollback", to=9)


def test_going_back_to_a_good_release_needs_no_new_approval(world: World) -> None:
    """It was done there once; to another one it does."""
    world.publish(1, 2, 3)
    for number in (1, 2):
        world.propose(number, PRODUCTION)
        world.approve()
    proven = frozenset({1})
    flow.revert(world.deploy, PRODUCTION, ACT, how="return", proven=proven)
    assert world.number(PRODUCTION, 1) == 1
    with pytest.raises(Refused, match="needs an approval"):
        flow.revert(world.deploy, PRODUCTION, ACT, how="rollback", proven=proven, to=3)


def test_settings_keep_their_order_and_comments(world: World) -> None:
    """One is changed, one added, one removed; the rest of the file stays as it was."""
    flow.set_settings(world.deploy, STAGING, {"B": "1", "A": "two", "C": "x"}, ACT)
    flow.set_settings(world.deploy, STAGING, {"B": "new", "C": None, "D": "d"}, ACT)
    assert list(read.settings(world.repo.look(), STAGING).items()) == [
        ("B", "new"),
        ("A", "two"),
        ("D", "d"),
    ]
    told = world.events.outcomes(Verb.DESIRE)[-1]
    assert told.facts["settings_changed"] == ["B", "C", "D"]
    assert "new" not in str(told)


@pytest.mark.parametrize(
    "changes", [{"a b": "x"}, {"": "x"}, {"A": "\ud800"}, {"1A": "x"}, {"A=1\nB": "x"}]
)
def test_a_setting_that_cannot_be_one_is_refused(world: World, changes: dict[str, str]) -> None:
    """And nothing is written."""
    head = world.repo.look().head
    with pytest.raises(UsageError):
        flow.set_settings(world.deploy, STAGING, changes, ACT)
    assert world.repo.look().head == head


def test_the_records_head_is_anchored(world: World) -> None:
    """Signed, read back, and written again only when it moved."""
    assert read.anchored(world.repo.look(), world.verifier) is None
    commit = flow.anchor(world.repo, world.machine, 7, "ab" * 32, ACT.now)
    assert flow.anchor(world.repo, world.machine, 7, "ab" * 32, ACT.now) == commit
    found = read.anchored(world.repo.look(), world.verifier)
    assert found
    assert (found.seq, found.hash) == (7, "ab" * 32)


def test_a_forged_anchor_is_refused(world: World) -> None:
    """Another number under the old signature."""
    flow.anchor(world.repo, world.machine, 7, "ab", ACT.now)
    data = (world.repo.look().read(layout.HEAD) or b"").replace(b"7", b"6")
    world.repo.commit({layout.HEAD: data}, "forged", "eve", ACT.now)
    with pytest.raises(Refused, match=r"record/head\.json"):
        read.anchored(world.repo.look(), world.verifier)


def test_places_are_those_with_something_desired_or_proposed(world: World) -> None:
    """Settings alone make none; a file in a place of no name makes none."""
    world.publish(1)
    world.propose(1)
    world.propose(1, PRODUCTION)
    flow.set_settings(world.deploy, Place("shop", "later"), {"A": "b"}, ACT)
    world.repo.commit({"apps/NO/x/release.json": b"{}"}, "m", "ada", ACT.now)
    assert read.places(world.repo.look()) == (PRODUCTION, STAGING)


def test_everything_is_told_before_and_after(world: World) -> None:
    """Each intent has its outcome, with facts the record takes (the journal here checks)."""
    world.publish(1, 2)
    world.propose(1)
    world.propose(2)
    world.propose(1, PRODUCTION)
    world.approve()
    go_back(world, "rollback", 1)
    assert world.events.open() == []
    desired = world.events.outcomes(Verb.DESIRE)
    told = [(e.environment, e.release, e.facts["how"], e.facts["previous"]) for e in desired]
    assert told == [
        ("staging", 1, "release", 0),
        ("staging", 2, "release", 1),
        ("production", 1, "proposed", 0),
        ("production", 1, "release", 0),
        ("staging", 1, "rollback", 2),
    ]
    approval = world.events.outcomes(Verb.APPROVE)[0]
    assert approval.facts["plan"] == PLAN
    assert str(approval.facts["key"]).startswith("SHA256:")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Refused("dirty"), Outcome.REFUSED),
        (Unknown("no answer"), Outcome.UNKNOWN),
        (FairleadError("broken"), Outcome.FAILED),
    ],
)
def test_a_refusal_is_told_too(tmp_path: Path, error: FairleadError, outcome: Outcome) -> None:
    """With its reason, and the error goes on to whoever asked."""
    world = World(tmp_path)
    world.publish(1)
    world.memory.trouble = error
    with pytest.raises(type(error)):
        world.propose(1)
    told = world.events.outcomes(Verb.DESIRE)[-1]
    assert (told.outcome, told.why) == (outcome, error.what)


@pytest.mark.parametrize("why", ["", "a\n\nFairlead-How: return", "\0\x1b[2J", "# x", "\ud800"])
def test_any_why_is_only_words(world: World, why: str) -> None:
    """Whatever a person writes, it decides nothing."""
    world.publish(1)
    act = Act("Ada", why, ACT.now)
    flow.propose(world.deploy, STAGING, 1, act, how="release", approval=False)
    found = world.desired()
    assert found
    assert found.how == "release"
    assert found.why.isprintable()
