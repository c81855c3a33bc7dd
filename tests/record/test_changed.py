"""``changed``: every change in a stretch of time."""

from fairlead.base.journal import Outcome, Verb
from fairlead.record.changed import changed, difference
from fairlead.record.model import Changed, Differs, Kind, ReleaseFacts
from record.worlds import NOON, Story, beside, commit_of, revision_of


def asked(
    story: Story, since: float = NOON, until: float = NOON + 10**6, **more: object
) -> Changed:
    return changed(story.store, since, until, **more)  # type: ignore[arg-type]


def kinds(story: Story, **more: object) -> list[str]:
    return [h.kind.value for h in asked(story, **more).happened]


FACTS = {
    6: ReleaseFacts(
        commit_of(6),
        dependencies=(("django", "5.2"), ("redis", "6.0")),
        settings=(("local", (("DEBUG", "1"),)), ("production", (("DEBUG", "0"),))),
        schema="sha256:a",
    ),
    7: ReleaseFacts(
        commit_of(7),
        dependencies=(("django", "5.3"), ("msgspec", "0.20")),
        settings=(("local", (("DEBUG", "0"), ("HOST", "a"))), ("production", (("DEBUG", "0"),))),
        schema="sha256:b",
    ),
}


def facts_of(app: str, number: int) -> ReleaseFacts | None:
    return FACTS.get(number)


def test_a_release_with_its_difference() -> None:
    """One line for a whole change: commits, dependencies, settings there, and the schema."""
    story = Story()
    story.whole(7)
    commits = {(commit_of(6), commit_of(7)): ("7a2b3c4 Add forecast",)}
    found = asked(story, facts_of=facts_of, commits=lambda app, old, new: commits[old, new])
    (only,) = found.happened
    assert (only.kind, only.who, only.release, only.environment) == (
        Kind.RELEASE,
        "agent",
        7,
        "local",
    )
    assert only.sentence == "riverside release 7 in local rolled out in 0.9 s, 0 failed requests"
    differs = only.difference
    assert differs is not None
    assert (differs.known, differs.previous, differs.schema) == (True, 6, True)
    assert differs.commits == ("7a2b3c4 Add forecast",)
    assert differs.dependencies == (
        Differs("django", "5.2", "5.3"), Differs("msgspec", "", "0.20"), Differs("redis", "6.0", ""),
    )  # fmt: skip
    assert differs.settings == (Differs("DEBUG", "1", "0"), Differs("HOST", "", "a"))


def test_a_difference_of_nothing() -> None:
    """In production nothing but code, dependencies and schema differ."""
    assert difference(6, FACTS[6], FACTS[7], "production").settings == ()
    same = difference(6, FACTS[6], FACTS[6], "local")
    assert (same.dependencies, same.settings, same.schema, same.commits) == ((), (), False, ())


def test_an_unknown_difference_is_said_to_be_unknown() -> None:
    """Without both release files nothing is claimed: known is False, never 'no difference'."""
    story = Story()
    story.whole(8)
    (only,) = asked(story, facts_of=facts_of).happened
    assert only.difference is not None
    assert only.difference.known is False
    assert (only.difference.previous, only.difference.new_commit) == (7, commit_of(8))


def test_the_stretch_is_half_open() -> None:
    """What was written at ``since`` is in it, what was written at ``until`` is not."""
    story = Story()
    for _ in range(3):
        story.write(Verb.DRIFT, environment="local", facts={"items": ["web.1 killed"]})
        story.clock.time += 10
    assert [h.seq for h in asked(story, NOON, NOON + 20).happened] == [1, 2]


def test_every_sort_of_change() -> None:
    """Refusals, failures, returns, rollbacks, drift, adoptions, approvals, agents, takeovers."""
    story = Story()
    place = {"environment": "local"}
    story.push(5, Outcome.REFUSED, "check tests failed")
    story.verify(5, "tests: failed")  # told by the refused push
    story.verify(4, "tests: failed")
    story.verify(3, "tests: not known")
    story.build(5, Outcome.FAILED, "disk full")
    story.rollout(7, story.desire(7), Outcome.FAILED, smoke="failed", why="GET / answered 500")
    story.rollout(6, story.desire(6, how="return", revision="a" * 40), how="return", previous=7)
    story.rollout(5, story.desire(5, how="rollback", revision="b" * 40), how="rollback", previous=6)
    story.rollout(5, "b" * 40, previous=5)
    story.write(Verb.DRIFT, facts={"items": ["route edited"]}, **place)
    story.effect(Verb.ADOPT, who="anna", facts={"items": ["route edited"]}, **place)
    story.effect(Verb.APPROVE, who="bo", release=8, facts={"plan": "sha256:" + "0" * 64}, **place)
    story.effect(
        Verb.DESIRE, Outcome.REFUSED, who="anna", why="the schema has moved on", release=4, **place
    )
    story.desire(9)
    story.write(Verb.LEASE, facts={"owner": "agent", "token": 4}, **place)
    story.write(Verb.LEASE, facts={"owner": "agent", "token": 5, "taken_from": "pid 12"}, **place)
    story.write(Verb.AGENT, facts={"pid": 12, "version": "0.1"})
    story.write(Verb.CLEAN, facts={"removed": 2})
    intent = story.write(Verb.ROLLOUT, Outcome.INTENT, release=9, **place)
    story.write(Verb.ROLLOUT, Outcome.UNKNOWN, release=9, intent=intent, **place)
    assert kinds(story) == [
        "refused", "failed", "not known", "failed", "failed", "return", "rollback", "repair", "drift",
        "adopted", "approval", "refused", "desired", "lease takeover", "agent", "clean", "not known",
    ]  # fmt: skip
    assert all(h.sentence and h.who and h.at for h in asked(story).happened)


def test_steps_and_intents_are_not_changes() -> None:
    """Nor are pushes, builds and checks that went as they should: their release is the change."""
    story = Story()
    story.whole(7)
    assert kinds(story) == ["release"]


def test_one_app_and_one_environment() -> None:
    """What belongs to no app or environment concerns them all."""
    story = Story()
    story.whole(7)
    other = beside(story, "harbour")
    other.whole(3, "production")
    story.write(Verb.AGENT, app="", facts={"pid": 1})
    assert kinds(story) == ["release", "release", "agent"]
    assert [h.app for h in asked(story, app="riverside").happened] == ["riverside", ""]
    assert [h.app for h in asked(story, environment="production").happened] == ["harbour", ""]


def test_a_desire_is_told_until_its_rollout_ends() -> None:
    """Waiting for an approval it is a change of its own; carried out it is not told twice."""
    story = Story()
    story.release(7)
    story.desire(7)
    assert kinds(story) == ["desired"]
    story.rollout(7, revision_of(7, "local"))
    assert kinds(story) == ["release"]
