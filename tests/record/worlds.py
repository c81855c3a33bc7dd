"""A record with a story in it, told as the flows tell it."""

from dataclasses import replace

from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.drivers.memory_record import MemoryRecord
from fairlead.record.flow import Record
from fairlead.record.ports import Store

NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z


class HandClock:
    """A clock that a test moves."""

    def __init__(self, now: float = NOON) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def commit_of(number: int) -> str:
    return f"{number:x}a2b3c4".ljust(40, "0")


def digest_of(number: int) -> str:
    return "sha256:" + f"{number:x}d12".ljust(64, "0")


def revision_of(number: int, environment: str) -> str:
    return f"{number:x}e4f5a6{environment.encode().hex()}".ljust(40, "0")[:40]


class Story:
    """Writes what a change leaves behind, each effect as an intent and an outcome."""

    def __init__(self, app: str = "riverside", store: Store | None = None) -> None:
        self.app = app
        self.clock = HandClock()
        self.store = store or MemoryRecord()
        self.record = Record(self.store, self.clock)

    def write(self, verb: Verb, outcome: Outcome = Outcome.DONE, **more: object) -> int:
        fields: dict[str, object] = {"who": "agent", "why": "", "app": self.app, **more}
        return self.record.write(Event(verb, outcome, **fields))  # type: ignore[arg-type]

    def effect(self, verb: Verb, outcome: Outcome = Outcome.DONE, **more: object) -> int:
        """An intent, a second later its outcome; the outcome's number. ``after`` are its own facts."""
        after: dict[str, Fact] = more.pop("after", {})  # type: ignore[assignment]
        intent = self.write(verb, Outcome.INTENT, **more)
        self.clock.time += 1
        facts = {**more.pop("facts", {}), **after}  # type: ignore[dict-item]
        return self.write(verb, outcome, intent=intent, facts=facts, **more)

    def push(self, number: int, outcome: Outcome = Outcome.DONE, why: str = "") -> None:
        facts = {"ref": "refs/heads/main", "commit": commit_of(number), "subject": "Add forecast"}
        self.effect(Verb.PUSH, outcome, who="anna", why=why, facts=facts)

    def verify(self, number: int, *checks: str) -> None:
        verdict = "failed" if any(c.endswith("failed") for c in checks) else "passed"
        verdict = "not known" if any(c.endswith("not known") for c in checks) else verdict
        outcome = Outcome.DONE if verdict == "passed" else Outcome.FAILED
        self.effect(
            Verb.VERIFY,
            outcome,
            facts={"commit": commit_of(number), "subject": "Add forecast"},
            after={"verdict": verdict, "checks": checks},
        )

    def build(self, number: int, outcome: Outcome = Outcome.DONE, why: str = "") -> None:
        after: dict[str, Fact] = {"digest": digest_of(number)} if outcome is Outcome.DONE else {}
        self.effect(Verb.BUILD, outcome, why=why, facts={"commit": commit_of(number)}, after=after)

    def release(self, number: int) -> None:
        facts = {
            "commit": commit_of(number),
            "digest": digest_of(number),
            "subject": "Add forecast",
        }
        self.effect(Verb.RELEASE, release=number, facts=facts)

    def desire(
        self, number: int, environment: str = "local", *, how: str = "release", **more: object
    ) -> str:
        revision = str(more.pop("revision", revision_of(number, environment)))
        facts = {"revision": revision, "commit": commit_of(number), "digest": digest_of(number)}
        facts |= {"how": how, "previous": more.pop("previous", number - 1)}
        fields = {"who": "anna", "why": "", **more}
        self.effect(Verb.DESIRE, environment=environment, release=number, facts=facts, **fields)
        return revision

    def rollout(
        self,
        number: int,
        revision: str,
        outcome: Outcome = Outcome.DONE,
        smoke: str = "done",
        **more: object,
    ) -> None:
        """A rollout with two steps: web.1 is started as process 4700 + number, and smoke is asked."""
        facts = {"revision": revision, "how": more.pop("how", "release")}
        facts["previous"] = more.pop("previous", number - 1)
        place = {"environment": more.pop("environment", "local"), "release": number}
        intent = self.write(Verb.ROLLOUT, Outcome.INTENT, facts=facts, **place)
        start = {"revision": revision, "step": "start", "role": "web", "copy": 1}
        self.effect(Verb.STEP, facts=start, after={"pid": 4700 + number}, **place)
        if smoke:
            step = {"revision": revision, "step": "smoke", "stage": "smoke"}
            self.effect(Verb.STEP, Outcome(smoke), facts=step, why="GET / answered 500", **place)
        self.clock.time += 1
        after = {**facts, "milliseconds": 912, "failed": 0, "commit": commit_of(number)}
        self.write(Verb.ROLLOUT, outcome, intent=intent, facts=after, **{**place, **more})

    def whole(self, number: int, environment: str = "local") -> None:
        """One change from its push to its smoke check."""
        self.push(number)
        self.verify(number, "tests: passed", "types: passed", "lint: passed")
        self.build(number)
        self.release(number)
        self.rollout(number, self.desire(number, environment), environment=environment)


def beside(story: Story, app: str) -> Story:
    """Another app's story in the same record."""
    other = Story(app, story.store)
    other.clock = story.clock
    other.record = story.record
    return other


def step(**more: object) -> Event:
    """A typical entry."""
    event = Event(
        Verb.STEP, Outcome.DONE, "agent", "a why", "riverside", "local", 7, {"step": "start"}
    )
    return replace(event, **more)  # type: ignore[arg-type]
