"""Secrets from the verb to a release, with git, keys, record and deploy repo real."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead.base.errors import NotFound, Refused, UsageError
from fairlead.base.ids import Place
from fairlead.base.journal import Outcome, Verb
from fairlead.base.secret import Secret
from fairlead.desired import flow as desired
from fairlead.desired import layout
from fairlead.desired.flow import Act
from fairlead.record.flow import read
from fairlead.record.model import Entry
from fairlead.secrets import rules
from fairlead.secrets.flow import By
from fairlead.secrets.flow import put as sealed
from fairlead.service import secret_key
from fairlead.service.answers import logs
from fairlead.service.answers.changed import changed
from fairlead.service.approve import approve
from fairlead.service.promote import promote
from fairlead.service.rollback import rollback
from fairlead.service.secrets import SecretsSet, listed, place_to_be, set_secrets, unset_secrets
from fairlead.service.settings import set_settings
from needs import needs
from service.answers_world import LOCAL, MANIFEST, PRODUCTION, STAGING, World, runs_in

PLANTED = "planted-value-one"
FRESH = "planted-value-two"
NEEDING = MANIFEST.replace("[environment.staging]", '[environment.staging]\nsecrets = ["TOKEN"]')


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with runs_in(monkeypatch.setenv):
        yield World(tmp_path)


def put(world: World, place: Place = LOCAL, instead: bool = False, **values: str) -> SecretsSet:
    secret = {name: Secret(value) for name, value in values.items()}
    return set_secrets(world.tools, place, secret, "", instead=instead)


def values(world: World, number: int, place: Place = LOCAL) -> dict[str, str]:
    """What a release's processes get."""
    release = world.tools.world.releases.get("tide", number)
    assert release
    found = world.tools.world.secrets.values(place, release)
    return {name: value.reveal() for name, value in found.items()}


def entries(world: World, verb: Verb) -> list[Entry]:
    return [e for e in read(world.tools.store, 0, 10_000) if e.verb == verb]


def test_a_secret_comes_as_a_release_of_the_same_artifact(world: World) -> None:
    """Recorded by its name and version; the value is what the release's processes get."""
    world.released("Add tides")
    done = put(world, TOKEN=PLANTED)
    assert (done.release, done.changed) == (2, ("TOKEN 1",))
    one, two = (world.tools.world.releases.get("tide", n) for n in (1, 2))
    assert one
    assert two
    assert one.artifact == two.artifact
    assert two.secrets == (("local", (("TOKEN", 1),)),)
    assert values(world, 1) == {}
    assert values(world, 2) == {"TOKEN": PLANTED}
    asked = [e for e in entries(world, Verb.DESIRE) if e.outcome == Outcome.DONE]
    assert [(e.text("how"), e.text("secrets_changed")) for e in asked[-2:]] == [
        ("secrets", "TOKEN 1"),
        ("secrets", "TOKEN 1"),
    ]
    assert entries(world, Verb.RELEASE)[-1].texts("secrets") == ("local/TOKEN 1",)


def test_a_rotation_goes_back_with_its_release(world: World) -> None:
    """Artifact, settings and secret versions together (promise 11)."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    world.settle()
    set_settings(world.tools, LOCAL, {"GREETING": "hello"}, "")
    put(world, TOKEN=FRESH)
    world.settle()
    assert values(world, 4) == {"TOKEN": FRESH}
    rollback(world.tools, LOCAL, 2, "")
    world.settle()
    wanted = world.tools.desired(LOCAL)
    assert wanted
    assert wanted.release.number == 2
    assert values(world, 2) == {"TOKEN": PLANTED}
    assert entries(world, Verb.DESIRE)[-1].text("secrets_changed") == "TOKEN 1"
    told = changed(world.tools, "2h").happened
    differs = [one for h in told if h.difference for one in h.difference.secrets]
    rotated = [(d.name, d.old, d.new) for d in differs]
    assert rotated == [("TOKEN", "", "1"), ("TOKEN", "1", "2"), ("TOKEN", "2", "1")]


def test_several_are_one_release(world: World) -> None:
    """A whole .env at once; what is equal already stays as it is."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    done = put(world, TOKEN=PLANTED, SECOND=FRESH)
    assert (done.release, done.changed) == (3, ("SECOND 1",))
    again = put(world, TOKEN=PLANTED, SECOND=FRESH)
    assert (again.release, again.changed) == (0, ())


def test_a_set_that_was_killed_before_its_release_is_carried_on(world: World) -> None:
    """Sealed and committed, and then nothing: the same verb again makes the release."""
    world.released("Add tides")
    cabinet = world.tools.sealed.cabinet(LOCAL)
    file = sealed(cabinet, rules.parse(None, ""), {"TOKEN": Secret(PLANTED)}, By("ada", "now"))
    files = {layout.sealed(LOCAL): rules.text(file)}
    desired.set_secrets(
        world.tools.deploy, LOCAL, ["TOKEN"], lambda _: (files, {}), Act("ada", "", 1.0)
    )
    assert put(world, TOKEN=PLANTED).release == 2
    assert values(world, 2) == {"TOKEN": PLANTED}


def test_a_plain_setting_is_not_made_a_secret_by_accident(world: World) -> None:
    """Refused for one of the deploy repo and one of the manifest; ``instead`` says it is meant."""
    world.released("Add tides")
    set_settings(world.tools, LOCAL, {"TOKEN": "plain"}, "")
    for name in ("TOKEN", "GREETING"):
        with pytest.raises(
            Refused, match=f"a plain setting of tide/local already: {name}"
        ) as caught:
            put(world, **{name: PLANTED})
        assert "--instead" in caught.value.hint
    done = put(world, instead=True, TOKEN=PLANTED, GREETING=FRESH)
    made = world.tools.world.releases.get("tide", done.release)
    assert made
    assert made.settings_in("local") == {}
    assert made.secrets_in("local") == {"TOKEN": 1, "GREETING": 1}
    look = world.tools.deploy.repo.look()
    assert look.read(layout.settings(LOCAL)) == b""


def test_a_secret_is_not_made_a_plain_setting(world: World) -> None:
    """The hint says what to do; the value that was typed is in no error and no record."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    with pytest.raises(Refused, match="a secret, and not to be set in plain text: TOKEN") as caught:
        set_settings(world.tools, LOCAL, {"TOKEN": FRESH}, "")
    assert "fairlead secret set tide/local TOKEN" in caught.value.hint
    assert FRESH not in f"{caught.value}{read(world.tools.store, 0, 10_000)}"


def test_a_hand_edit_that_makes_it_both_is_refused_when_a_release_is_made(world: World) -> None:
    """Which of the two is meant is for a person to say."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    by_hand = {layout.settings(LOCAL): b'TOKEN = "plain"\n'}
    repo = world.tools.deploy.repo
    with repo.writing("a person"):
        repo.commit(by_hand, "by hand", "bo", 1.0)
    with pytest.raises(Refused, match="both a plain setting and a secret of tide/local: TOKEN"):
        put(world, SECOND=FRESH)


def test_what_a_manifest_needs_is_asked_for_before_anything_is_desired(world: World) -> None:
    """Named, with the command that sets it; what serves there is not touched."""
    world.push("Add tides", {"fairlead.toml": NEEDING})
    world.settle()
    with pytest.raises(
        Refused, match="release 1 lacks a secret that its staging needs: TOKEN"
    ) as e:
        promote(world.tools, LOCAL, STAGING, "")
    assert e.value.hint == "fairlead secret set tide/staging TOKEN"
    assert world.tools.desired(STAGING) is None
    assert entries(world, Verb.DESIRE)[-1].outcome == Outcome.REFUSED
    (line,) = listed(world.tools, STAGING).secrets
    assert (line.name, line.version, line.needed) == ("TOKEN", 0, True)
    put(world, STAGING, TOKEN=PLANTED)
    promote(world.tools, LOCAL, STAGING, "")
    wanted = world.tools.desired(STAGING)
    assert wanted
    assert (wanted.release.number, wanted.how) == (2, "promote")
    assert values(world, 2, STAGING) == {"TOKEN": PLANTED}


def test_a_promotion_brings_no_older_secret_back(world: World) -> None:
    """The release was made before the rotation there; the artifact is promoted, not that."""
    world.released("Add tides")
    put(world, STAGING, TOKEN=PLANTED)
    promote(world.tools, LOCAL, STAGING, "")
    world.settle(STAGING)
    put(world, STAGING, TOKEN=FRESH)
    world.settle(STAGING)
    world.released("More tides")
    promote(world.tools, LOCAL, STAGING, "")
    wanted = world.tools.desired(STAGING)
    assert wanted
    assert wanted.release.artifact.commit != ""
    assert values(world, wanted.release.number, STAGING) == {"TOKEN": FRESH}


def test_an_environment_gets_its_own_secrets_only(world: World) -> None:
    """Staging's are not in production's release, whatever their names."""
    world.released("Add tides")
    put(world, STAGING, TOKEN=PLANTED)
    done = put(world, LOCAL, TOKEN=FRESH)
    made = world.tools.world.releases.get("tide", done.release)
    assert made
    assert values(world, done.release, LOCAL) == {"TOKEN": FRESH}
    assert values(world, done.release, STAGING) == {"TOKEN": PLANTED}
    assert values(world, done.release, PRODUCTION) == {}


def test_where_approval_is_asked_for_a_secret_waits_for_it(world: World) -> None:
    """It is a release like any other."""
    world.released("Add tides")
    promote(world.tools, LOCAL, PRODUCTION, "")
    approve(world.tools, PRODUCTION, None, "", "")
    world.settle(PRODUCTION)
    done = put(world, PRODUCTION, TOKEN=PLANTED)
    wanted = world.tools.desired(PRODUCTION)
    assert wanted
    assert wanted.release.number < done.release
    approve(world.tools, PRODUCTION, None, "", "")
    assert world.tools.desired(PRODUCTION).release.number == done.release


def test_an_unset_secret_is_gone_from_the_next_release(world: World) -> None:
    """And still there for the one before, which can be gone back to."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    world.settle()
    done = unset_secrets(world.tools, LOCAL, ("TOKEN",), "not used any more")
    assert (done.release, done.changed) == (3, ("TOKEN unset",))
    assert values(world, 3) == {}
    assert values(world, 2) == {"TOKEN": PLANTED}
    with pytest.raises(NotFound, match="no such secret: TOKEN"):
        unset_secrets(world.tools, LOCAL, ("TOKEN",), "")


def test_what_the_release_needs_is_not_unset(world: World) -> None:
    """The manifest says so, and has to change first."""
    put_first = MANIFEST.replace("[environment.local]", '[environment.local]\nsecrets = ["TOKEN"]')
    world.push("Nothing yet")
    put(world, TOKEN=PLANTED)
    world.push("Needs it", {"fairlead.toml": put_first})
    world.settle()
    with pytest.raises(Refused, match="release 3 needs it in tide/local: TOKEN") as caught:
        unset_secrets(world.tools, LOCAL, ("TOKEN",), "")
    assert "[environment.local] secrets in fairlead.toml" in caught.value.hint


def test_the_list_has_names_versions_who_and_no_value(world: World) -> None:
    """Also of those that the manifest needs and nobody set yet, and of what is not released."""
    needs = MANIFEST.replace("[environment.staging]", '[environment.staging]\nsecrets = ["A", "B"]')
    world.push("Add tides", {"fairlead.toml": needs})
    world.settle()
    put(world, STAGING, A=PLANTED, B=PLANTED, C=PLANTED)
    promote(world.tools, LOCAL, STAGING, "")
    world.settle(STAGING)
    unset_secrets(world.tools, STAGING, ("C",), "")
    put(world, STAGING, A=FRESH)
    found = listed(world.tools, STAGING)
    told = [(s.name, s.version, s.in_release, s.needed, s.who) for s in found.secrets]
    assert told == [("A", 2, 2, True, "ada"), ("B", 1, 1, True, "ada")]
    assert "planted" not in msgspec.json.encode(found).decode()


def test_a_place_that_has_no_release_yet_may_get_a_secret(world: World) -> None:
    """Its first release may need it. A slip of the hand in a known app's environment is caught."""
    assert place_to_be(world.tools, "tide/local") == LOCAL
    world.released("Add tides")
    assert place_to_be(world.tools, "tide/staging") == STAGING
    assert place_to_be(world.tools, "tide/local") is None
    assert place_to_be(world.tools, "unknown/local") is None
    with pytest.raises(NotFound) as caught:
        place_to_be(world.tools, "tide/prodution")
    assert "production" in caught.value.hint


def test_a_push_that_lacks_a_secret_is_refused_with_the_command_that_sets_it(world: World) -> None:
    """Before a check is asked or anything is built; once it is set the same push goes through."""
    needs = MANIFEST.replace("[environment.local]", '[environment.local]\nsecrets = ["TOKEN"]')
    world.push("Needs it", {"fairlead.toml": needs})
    (_, refused) = entries(world, Verb.PUSH)
    assert refused.outcome == Outcome.REFUSED
    assert "tide/local needs a secret that has no value: TOKEN" in refused.why
    assert "fairlead secret set tide/local TOKEN; then push again" in refused.why
    assert entries(world, Verb.VERIFY) + entries(world, Verb.BUILD) == []
    put(world, TOKEN=PLANTED)
    commit = world.push("Needs it", {"fairlead.toml": needs})
    world.settle()
    wanted = world.tools.desired(LOCAL)
    assert wanted
    assert (wanted.release.number, wanted.release.artifact.commit) == (1, commit)
    assert values(world, 1) == {"TOKEN": PLANTED}


def test_a_value_that_cannot_be_one_changes_nothing(world: World) -> None:
    """No commit, no entry."""
    world.released("Add tides")
    head = world.tools.deploy.repo.look().head
    with pytest.raises(UsageError):
        put(world, GOOD=PLANTED, BAD="a\0b")
    assert world.tools.deploy.repo.look().head == head


def test_the_key_is_rotated_in_one_commit_and_no_release_is_made(world: World) -> None:
    """Every version of every place opens with the new key; the old one is forgotten."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    put(world, TOKEN=FRESH)
    put(world, STAGING, TOKEN=PLANTED)
    (old,) = world.tools.sealed.ring.ids()
    done = secret_key.rotate(world.tools, "a laptop was stolen", without_lost=False)
    assert done.forgotten == (old,)
    assert world.tools.sealed.ring.ids() == (done.key,)
    assert len(done.files) == 2
    assert (values(world, 2), values(world, 3)) == ({"TOKEN": PLANTED}, {"TOKEN": FRESH})
    assert world.tools.desired(LOCAL).release.number == 3
    (intent, outcome) = entries(world, Verb.KEY)
    assert (outcome.outcome, outcome.intent) == (Outcome.DONE, intent.seq)
    assert outcome.texts("keys") == (done.key,)
    assert outcome.why == "a laptop was stolen"


def test_a_rotation_killed_before_its_commit_is_carried_on_by_the_next(world: World) -> None:
    """Both keys are there; all still opens, and one is left in the end."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    with world.tools.deploy.repo.writing("as one that is killed does"):
        world.tools.sealed.ring.renew()
    assert values(world, 2) == {"TOKEN": PLANTED}
    done = secret_key.rotate(world.tools, "", without_lost=False)
    assert world.tools.sealed.ring.ids() == (done.key,)
    assert values(world, 2) == {"TOKEN": PLANTED}


def test_the_recovery_file_opens_everything_on_another_machine(
    world: World, tmp_path: Path
) -> None:
    """Exported, lost, imported: the values are back. Who did it is on record, no key is."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    recovery = tmp_path / "recovery.txt"
    (key,) = secret_key.export(world.tools, recovery, "for the safe").keys
    assert recovery.stat().st_mode & 0o777 == 0o600
    (world.home.keys / "secrets").unlink()
    assert secret_key.seen(world.tools).lost == ("tide/local TOKEN 1",)
    with pytest.raises(Refused, match="version 1 of TOKEN cannot be opened"):
        values(world, 2)
    back = secret_key.bring_back(world.tools, recovery.read_text(), "")
    assert (back.keys, back.values, back.lost) == ((key,), 1, ())
    assert values(world, 2) == {"TOKEN": PLANTED}
    told = [(e.text("how"), e.outcome) for e in entries(world, Verb.KEY)]
    assert told == [(how, o) for how in ("exported", "imported") for o in ("intent", "done")]
    secret = recovery.read_text().split()[-1]
    assert secret not in str(read(world.tools.store, 0, 10_000))


def test_a_recovery_file_may_be_sealed_to_its_owners_ssh_key(world: World, tmp_path: Path) -> None:
    """A copy that may lie anywhere: age opens it with the key its owner logs in with."""
    age = needs("age", package="age", adds="open a sealed recovery file")
    keygen = needs("ssh-keygen", package="openssh-client", adds="seal to an SSH key")
    owner, recovery = tmp_path / "id_ed25519", tmp_path / "recovery.age"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(owner)], check=True)
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    public = owner.with_suffix(".pub").read_text()
    assert secret_key.export(world.tools, recovery, "", public).sealed
    assert b"fairlead-secret-key" not in recovery.read_bytes()
    (world.home.keys / "secrets").unlink()
    opened = subprocess.run(
        [age, "--decrypt", "-i", str(owner), str(recovery)], capture_output=True, check=True
    )
    assert secret_key.bring_back(world.tools, opened.stdout.decode(), "").lost == ()
    assert values(world, 2) == {"TOKEN": PLANTED}


def test_an_export_writes_over_nothing(world: World, tmp_path: Path) -> None:
    """Neither over a file nor through a link; and without a key there is nothing to export."""
    with pytest.raises(NotFound):
        secret_key.export(world.tools, tmp_path / "x", "")
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_text("mine")
    link.symlink_to(tmp_path / "elsewhere")
    for path in (there, link, tmp_path / "no" / "directory"):
        with pytest.raises(UsageError):
            secret_key.export(world.tools, path, "")
    assert there.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_with_the_key_lost_for_good_the_way_on_is_open(world: World) -> None:
    """Set anew, and give the rest up: nothing else asks for the old key."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED, SECOND=PLANTED)
    (world.home.keys / "secrets").unlink()
    done = put(world, TOKEN=FRESH)
    assert done.changed == ("TOKEN 2",)
    with pytest.raises(Refused):
        secret_key.rotate(world.tools, "", without_lost=False)
    given_up = secret_key.rotate(world.tools, "", without_lost=True)
    assert given_up.lost == ("tide/local SECOND 1", "tide/local TOKEN 1")
    assert secret_key.seen(world.tools).lost == ()
    assert put(world, SECOND=FRESH).release
    assert values(world, 4) == {"TOKEN": FRESH, "SECOND": FRESH}


def test_a_log_is_shown_without_any_version_of_any_secret(world: World) -> None:
    """An older value may still be good somewhere; what is followed is masked too."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    put(world, TOKEN=FRESH, STRIPE="another-planted-one")
    path = world.home.log(LOCAL, "web.1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"with {PLANTED}, then {FRESH}\n")
    files = logs.of_place(world.tools, LOCAL, "web.1")
    shown = [line.line for line in logs.last(world.tools, files, 10)]
    assert shown == ["with <secret TOKEN>, then <secret TOKEN>"]

    def print_more() -> None:
        with path.open("a") as log:
            log.write("key another-planted-one\n")

    later = threading.Timer(0.3, print_more)  # what was there at the first look is not followed
    later.start()
    assert next(logs.follow(world.tools, files)).line == "key <secret STRIPE>"
    later.join()


def test_a_log_whose_secrets_are_not_known_is_not_shown(world: World) -> None:
    """Not known is not harmless; the error says where the file itself is."""
    world.released("Add tides")
    put(world, TOKEN=PLANTED)
    path = world.home.log(LOCAL, "web.1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("anything\n")
    (world.home.keys / "secrets").unlink()
    with pytest.raises(Refused, match="secrets in the log cannot be masked") as caught:
        logs.last(world.tools, logs.of_place(world.tools, LOCAL), 10)
    assert str(path) in caught.value.hint
