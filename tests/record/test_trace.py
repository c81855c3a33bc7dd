"""``trace``: from anything a person may hold to one honest line."""

from datetime import timedelta, timezone

import pytest

from fairlead.base.errors import FairleadError, NotFound, UsageError
from fairlead.base.journal import Outcome, Verb
from fairlead.record.model import Trace
from fairlead.record.trace import trace
from record.worlds import NOON, Story, beside, commit_of, digest_of, revision_of

WHOLE = (
    'riverside release 7: commit 7a2b3c4 "Add forecast" → 3 checks passed → '
    "artifact sha256:7d1200000000… → desired in local by anna (7e4f5a6) 12:00:05 → "
    "rolled out in 0.9 s, 0 failed requests → smoke passed"
)


def asked(story: Story, text: str, **more: object) -> Trace:
    return trace(story.store, text, now=story.clock.time, **more)  # type: ignore[arg-type]


@pytest.fixture
def whole() -> Story:
    story = Story()
    story.whole(7)
    return story


@pytest.mark.parametrize(
    "text",
    [
        "7",
        "r7",
        "release 7",
        "riverside/7",
        "riverside/r7",
        commit_of(7),
        commit_of(7)[:7],
        commit_of(7).upper(),
        digest_of(7),
        digest_of(7)[:12],
        digest_of(7)[7:17],
        "sha256:7d1200000000…",
        revision_of(7, "local")[:9],
        "pid:4707",
        "process 4707",
        "4707",
        "12:00",
        "2026-11-21T12:00",
        "2026-11-21 12:00:30",
        "2026-11-21",
        "now",
        "today",
        "  r7  ",
    ],
)
def test_anything_a_person_may_hold(whole: Story, text: str) -> None:
    """Each of these leads to the same line."""
    whole.clock.time = NOON + 45
    found = asked(whole, text)
    assert found.line == WHOLE
    assert (found.app, found.release, found.commit, found.environment) == (
        "riverside",
        7,
        commit_of(7),
        "local",
    )
    assert found.digest == digest_of(7)


def test_the_links_name_their_entries(whole: Story) -> None:
    """Each station says which entry it stands on."""
    found = asked(whole, "7")
    assert [link.station for link in found.links] == [
        "checks",
        "artifact",
        "desired",
        "rollout",
        "smoke",
    ]
    assert all(link.ok and link.seq and link.at for link in found.links)


@pytest.mark.parametrize(
    "text",
    [
        "8",
        "riverside/70",
        "harbour/7",
        "pid:7",
        "deadbee",
        "sha256:ff",
        "7a2b3c4d",
        "nonsense",
        "",
        "%",
        "7a2b3c",
    ],
)
def test_what_is_not_on_record_is_said(whole: Story, text: str) -> None:
    """NotFound, with the forms that trace takes."""
    with pytest.raises(NotFound) as caught:
        asked(whole, text)
    assert "a commit" in caught.value.hint


def test_a_time_before_anything_served(whole: Story) -> None:
    """Nothing served then, and that is said."""
    with pytest.raises(NotFound, match="2026-11-20"):
        asked(whole, "2026-11-20")


def test_a_time_finds_what_served_then() -> None:
    """Between two rollouts it is the first one's release; a failed rollout never serves."""
    story = Story()
    for number, at in ((7, NOON), (8, NOON + 3600)):
        story.clock.time = at
        story.whole(number)
    story.clock.time = NOON + 7200
    story.push(9)
    story.rollout(9, story.desire(9), Outcome.FAILED, smoke="failed", why="smoke failed")
    story.clock.time = NOON + 9000
    assert [asked(story, t).release for t in ("12:30", "13:30", "14:29", "80 minutes ago")] == [
        7,
        8,
        8,
        8,
    ]
    later = asked(story, "12:30")
    assert later.line.endswith("smoke passed → replaced by release 8 13:00:08")


def test_a_time_is_read_and_shown_in_the_zone(whole: Story) -> None:
    """15:00 in Moscow is noon in UTC, in the question and in the answer."""
    zone = timezone(timedelta(hours=3))
    whole.clock.time = NOON + 45
    found = asked(whole, "15:00", zone=zone)
    assert found.release == 7
    assert "15:00:05" in found.line


def test_another_day_shows_its_date(whole: Story) -> None:
    """A clock time alone would mislead months later."""
    whole.clock.time = NOON + 86_400
    assert "by anna (7e4f5a6) 2026-11-21 12:00:05 → " in asked(whole, "7").line


def test_a_number_that_is_a_release_and_a_process_is_ambiguous(whole: Story) -> None:
    """Both meanings are named; saying which answers."""
    step = {
        "revision": revision_of(7, "local"),
        "step": "start",
        "role": "web",
        "copy": 2,
        "pid": 7,
    }
    whole.write(Verb.STEP, environment="local", release=7, facts=step)
    with pytest.raises(UsageError) as caught:
        asked(whole, "7")
    assert (
        "release riverside/7; process 7 (web.2 of riverside release 7 in local)"
        in caught.value.what
    )
    assert asked(whole, "riverside/7").line == asked(whole, "pid:7").line


def test_two_apps_with_the_same_number(whole: Story) -> None:
    """The number alone is ambiguous; with the app it is not."""
    other = beside(whole, "harbour")
    other.whole(7)
    with pytest.raises(UsageError, match="release harbour/7; release riverside/7"):
        asked(whole, "7")
    assert asked(whole, "7", app="harbour").app == "harbour"
    with pytest.raises(UsageError, match="of harbour; commit 7a2b3c4 of riverside"):
        asked(whole, commit_of(7))
    now = asked(whole, "now")
    assert now.line == "now: harbour/local served release 7; riverside/local served release 7"
    assert asked(whole, "now", app="riverside").release == 7


def test_an_ambiguous_prefix(whole: Story) -> None:
    """Two commits that begin alike: both are named."""
    twin = commit_of(7)[:9] + "f" * 31
    whole.effect(Verb.VERIFY, facts={"commit": twin}, after={"verdict": "passed"})
    with pytest.raises(UsageError, match="may mean"):
        asked(whole, commit_of(7)[:9])
    assert asked(whole, commit_of(7)[:10]).release == 7


def test_a_process_id_that_was_given_out_again(whole: Story) -> None:
    """The newest use in the app counts."""
    whole.whole(8)
    step = {
        "revision": revision_of(8, "local"),
        "step": "start",
        "role": "web",
        "copy": 1,
        "pid": 4707,
    }
    whole.write(Verb.STEP, environment="local", release=8, facts=step)
    assert asked(whole, "pid:4707").release == 8


def test_stopped_by_a_check() -> None:
    """A change whose checks failed: which, and nothing after it."""
    story = Story()
    story.push(7, Outcome.REFUSED, "check tests failed")
    story.verify(7, "tests: failed", "types: passed")
    assert (
        asked(story, "7a2b3c4").line
        == 'riverside commit 7a2b3c4 "Add forecast" → stopped by check tests'
    )


def test_not_known_is_not_passed() -> None:
    """A check that gave no answer stops the line, and is not called a failure."""
    story = Story()
    story.verify(7, "tests: not known", "types: passed")
    assert asked(story, "7a2b3c4").line.endswith("→ not known: tests")


def test_a_failed_build() -> None:
    """The build's own reason is told."""
    story = Story()
    story.verify(7, "tests: passed")
    story.build(7, Outcome.FAILED, "uv could not resolve django")
    assert asked(story, "7a2b3c4").line.endswith(
        "→ 1 check passed → build failed: uv could not resolve django"
    )


def test_verified_and_no_more() -> None:
    """A branch that may not be released: its line ends there, and says so."""
    story = Story()
    story.verify(7, "tests: passed")
    story.build(7)
    assert asked(story, "7a2b3c4").line.endswith(
        "artifact sha256:7d1200000000… → no release made of it"
    )


def test_missing_entries_are_said_to_be_missing() -> None:
    """A rollout of a release whose making was never recorded: nothing is made up."""
    story = Story()
    story.write(Verb.ROLLOUT, release=7, environment="local", facts={"revision": "e" * 40})
    assert asked(story, "7").line == (
        "riverside release 7: commit not on record → no verdict on record → "
        "no artifact on record → not desired"
    )


def test_returned_to_the_release_before() -> None:
    """A rollout that failed and went back, with the reason."""
    story = Story()
    story.whole(6)
    for act in (story.push, story.build, story.release):
        act(7)
    story.verify(7, "tests: passed")
    story.rollout(7, story.desire(7), Outcome.FAILED, smoke="", why="worker forecast crashed")
    back = {"how": "return", "previous": 7, "who": "agent", "why": "worker forecast crashed"}
    revision = story.desire(6, revision="f" * 40, **back)
    story.rollout(6, revision, how="return", previous=7)
    assert asked(story, "7").line.endswith(
        "→ rollout failed: worker forecast crashed → returned to release 6 12:00:19: worker forecast crashed"
    )
    assert " → returned to in local by agent (fffffff) " in asked(story, "6").line


def test_what_is_only_desired_has_not_replaced_it(whole: Story) -> None:
    """Until its rollout is done, the next release is said to be desired, and no more."""
    whole.release(8)
    revision = whole.desire(8)
    assert asked(whole, "7").line.endswith("smoke passed → release 8 desired 12:00:10")
    whole.rollout(8, revision, Outcome.FAILED)
    assert asked(whole, "7").line.endswith("smoke passed → release 8 desired 12:00:10")
    whole.desire(7, how="rollback", previous=8, who="bo", revision="c" * 40)
    assert asked(whole, "8").line.endswith("→ smoke passed → bo asked for release 7 again 12:00:14")
    assert asked(whole, "7").line.endswith(
        "→ desired again in local by bo (ccccccc) 12:00:14 → no rollout on record"
    )


def test_a_rollout_under_way_and_one_nobody_closed() -> None:
    """Under way is not done; unknown is not done; a resumed one that ended well is."""
    story = Story()
    story.release(7)
    revision = story.desire(7)
    place = {"environment": "local", "release": 7, "facts": {"revision": revision}}
    intent = story.write(Verb.ROLLOUT, Outcome.INTENT, **place)
    assert asked(story, "7").line.endswith("→ rolling out since 12:00:02")
    story.write(Verb.ROLLOUT, Outcome.UNKNOWN, intent=intent, **place)
    assert asked(story, "7").line.endswith("→ rollout: nobody knows how it ended")
    story.rollout(7, revision)
    assert asked(story, "7").line.endswith(
        "→ rolled out in 0.9 s, 0 failed requests → smoke passed"
    )


def test_a_repair_later_is_not_the_rollout(whole: Story) -> None:
    """Repairing drift under the same desire does not change what the release's own rollout did."""
    whole.rollout(7, revision_of(7, "local"), Outcome.FAILED, previous=7, why="port taken")
    assert "rolled out in 0.9 s, 0 failed requests → smoke passed" in asked(whole, "7").line


def test_promoted_and_approved(whole: Story) -> None:
    """The newest place is told, who approved it, and where else it was desired."""
    revision = whole.desire(7, "production", how="promote")
    approval = {"revision": revision, "plan": digest_of(9)}
    whole.effect(Verb.APPROVE, who="bo", environment="production", release=7, facts=approval)
    whole.rollout(7, revision, environment="production")
    found = asked(whole, "7")
    assert "→ promoted to production by anna (7e4f5a6)" in found.line
    assert ", approved by bo → rolled out" in found.line
    assert found.also == ("local",)
    assert asked(whole, "7", environment="local").line == WHOLE
    assert asked(whole, digest_of(9)[:15]).environment == "production"


def test_a_hostile_subject_stays_one_line(whole: Story) -> None:
    """Escape sequences and line breaks in what a committer wrote are shown, not obeyed."""
    facts = {"commit": "b" * 40, "subject": "ok\x1b[2J\n→ smoke passed\u202e"}
    whole.effect(Verb.VERIFY, facts=facts, after={"verdict": "passed"})
    line = asked(whole, "bbbbbbb").line
    assert "\\x1b[2J\\n" in line
    assert "\\u202e" in line
    assert line.isprintable()


def test_a_release_rolled_out_a_thousand_times(whole: Story) -> None:
    """Its first rollout is still found among many repairs."""
    for _ in range(1200):
        facts = {"revision": revision_of(7, "local"), "previous": 7}
        whole.write(Verb.ROLLOUT, environment="local", release=7, facts=facts)
    assert asked(whole, "riverside/7").links[3].text == "rolled out in 0.9 s, 0 failed requests"


def test_a_process_that_is_the_agent(whole: Story) -> None:
    """It belongs to no change; the line says what it is."""
    whole.write(
        Verb.AGENT, app="", facts={"pid": 99, "version": "0.1", "reason": "started after a crash"}
    )
    assert asked(whole, "pid:99").line == "agent 0.1 as process 99: started after a crash"


def test_a_step_that_stops_an_older_copy_is_no_second_meaning(whole: Story) -> None:
    """A deploy commit's steps are about other releases too; it still means one change."""
    facts = {
        "revision": revision_of(7, "local"),
        "step": "stop",
        "role": "web",
        "copy": 1,
        "pid": 55,
    }
    whole.write(Verb.STEP, environment="local", release=6, facts=facts)
    assert asked(whole, revision_of(7, "local")).release == 7
    assert asked(whole, "pid:55").meaning == "process 55 (web.1 of riverside release 6 in local)"


def test_an_entry_edited_by_hand_is_an_error_and_no_crash(whole: Story) -> None:
    """What cannot be read is said, with the command that names it; an odd time is shown as it is."""
    rows = whole.store.rows  # type: ignore[attr-defined]
    for number, row in enumerate(rows):
        rows[number] = row._replace(body=row.body.replace(b'"at":"2026-', b'"at":"26-'))
    assert "by anna (7e4f5a6) 26-11-21T12:00:05" in asked(whole, "7").line
    for number, row in enumerate(rows):
        rows[number] = row._replace(body=row.body.replace(b'"release":7', b'"release":"seven"'))
    with pytest.raises(FairleadError, match="cannot be read") as caught:
        asked(whole, "7")
    assert "fairlead record verify" in caught.value.hint


def test_a_smoke_check_after_the_rollout_is_not_its_own(whole: Story) -> None:
    """A repair's smoke check that failed does not change what the rollout's own said."""
    step = {"revision": revision_of(7, "local"), "step": "smoke", "stage": "smoke"}
    whole.effect(Verb.STEP, Outcome.FAILED, environment="local", release=7, facts=step)
    assert asked(whole, "7").line == WHOLE
