"""Lease, look, plan, do the first wave, look again.

Everything a rollout has achieved is in the world or in a durable mark, so a rollout
that was killed is carried on by calling ``roll_out`` again: there is no second path.
"""

from collections import Counter
from collections.abc import Callable

import msgspec

from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.desired.model import Desired
from fairlead.plan.explain import phrase
from fairlead.plan.model import (
    Decision,
    Done,
    EndStray,
    Halted,
    Job,
    JobKind,
    JobState,
    Migrate,
    Observed,
    Restore,
    Route,
    SetRoute,
    Settled,
    Stage,
    Start,
    Step,
    Stop,
    Try,
    Waiting,
    Wave,
)
from fairlead.plan.next_wave import next_wave
from fairlead.plan.retire import retire
from fairlead.rollout.act import Actor
from fairlead.rollout.jobs import JobFailed, harvest
from fairlead.rollout.lease import Holding
from fairlead.rollout.look import look
from fairlead.rollout.ports import Counters
from fairlead.rollout.world import World

TRIES_UNANSWERED = 10
"""The same where the world gave no answer at all: about nine seconds of it."""

TRIES = 3
"""How often a step that the world refused is tried before the rollout halts."""

PATIENCE = 60.0
"""Seconds the world may give no answer before the rollout gives up for now."""


_WRITES_ITSELF = (
    "The files of release {number} change while it is rolled out ({paths}): it writes into its own "
    "release. What it keeps belongs into the directory that FAIRLEAD_DATA names."
)


Newer = Callable[[], str]


class Overtaken(msgspec.Struct, frozen=True):
    """Something else is desired meanwhile: the next rollout starts from where this one is."""

    sentence: str


class Ending(msgspec.Struct, frozen=True):
    """How a rollout ended."""

    decision: Settled | Halted | Overtaken
    milliseconds: int

    @property
    def serves(self) -> bool:
        """Whether the wanted release serves."""
        return isinstance(self.decision, Settled)


class Rollout:
    """One place being brought to what is wanted there, under a lease."""

    def __init__(
        self, world: World, place: Place, wanted: Desired | None, holding: Holding
    ) -> None:
        self._world = world
        self._place = place
        self._wanted = wanted
        self._holding = holding
        self._actor = Actor(world, place, wanted, holding.token)
        self._refusals: Counter[Step] = Counter()
        self._restored = 0

    def cycle(self, asked: bool = True) -> Decision:
        """Look, decide, do the first wave; what was decided.

        Not ``asked``, only what keeps the release serving is done: see ``may_unasked``.
        """
        self._harvest()
        seen = look(self._world, self._place, self._wanted)
        decision = next_wave(self._wanted, seen) if self._wanted else retire(seen)
        if isinstance(decision, Wave):
            return self._carry_out(decision, asked, seen)
        return decision

    def _harvest(self) -> None:
        for job in harvest(self._world, self._place, self._holding.token):
            well = job.state is JobState.SUCCEEDED
            outcome = Outcome.DONE if well else Outcome.FAILED
            outcome = Outcome.UNKNOWN if job.state is JobState.LOST else outcome
            facts: dict[str, Fact] = {"revision": job.revision, "step": "migrate"}
            ended = job.detail or "it ended well"
            self._write(
                outcome, f"the migration of release {job.release}: {ended}", facts, job.intent
            )

    def _carry_out(self, wave: Wave, asked: bool, seen: Observed) -> Decision:
        steps = [step for step in wave.steps if asked or may_unasked(step, seen.routes)]
        if not steps:
            # Somebody changed the world: it rests as it is until a person says what shall be.
            return Settled(f"Somebody changed it, and it is left so. To mend it: {wave.sentence}")
        for step in steps:
            try:
                halted = self._do(wave.stage, step)
            except JobFailed:
                return wave  # its mark says so: the planner halts, and nothing more is done before
            if halted:
                return halted
        return wave

    def _do(self, stage: Stage, step: Step) -> Halted | None:
        """One step, written down before and after. Halts after ``TRIES`` refusals.

        Raises JobFailed when a job's answer was no.
        """
        self._holding.check()
        facts = self._facts(stage, step)
        intent = self._write(Outcome.INTENT, f"{phrase(step)}: {step.why}", facts)
        try:
            said = self._actor.act(step, intent)
        except JobFailed as failed:
            self._write(Outcome.FAILED, failed.what, facts, intent)
            raise
        except FairleadError as error:
            if not self._goes_on(step, intent):
                outcome = Outcome.UNKNOWN if isinstance(error, Unknown) else Outcome.FAILED
                self._write(outcome, error.what, facts, intent)
            return self._refused(stage, step, error)
        if isinstance(step, Restore) and self._restored_again(said.text):
            self._write(Outcome.FAILED, f"changed again: {said.text}", facts, intent)
            return Halted(stage, _WRITES_ITSELF.format(number=step.release, paths=said.text))
        if not isinstance(step, Migrate):
            why = f"{phrase(step)}: {said.text}" if said.text else phrase(step)
            self._write(Outcome.DONE, why, {**facts, **said.facts}, intent)
        return None

    def _goes_on(self, step: Step, intent: int) -> bool:
        """Whether a migration got as far as its mark: then ``harvest`` says how it ended."""
        if not isinstance(step, Migrate):
            return False
        return any(job.intent == intent for job in self._world.marks.read(self._place).jobs)

    def _restored_again(self, paths: str) -> bool:
        """Whether files change as often as they are put back, within one rollout."""
        self._restored += bool(paths)
        return self._restored > 1

    def _refused(self, stage: Stage, step: Step, error: FairleadError) -> Halted | None:
        """Halt after ``TRIES``; a world that gives no answer, a proxy that starts again for one,
        gets more of them."""
        self._refusals[step] += 1
        tries = TRIES_UNANSWERED if isinstance(error, Unknown) else TRIES
        if self._refusals[step] < tries:
            self._world.clock.sleep(0.2 * self._refusals[step])
            return None
        return Halted(stage, f"Could not {phrase(step)}, tried {tries} times: {error.what}.")

    def _facts(self, stage: Stage, step: Step) -> dict[str, Fact]:
        revision = self._wanted.revision if self._wanted else ""
        facts: dict[str, Fact] = {
            "revision": revision,
            "step": str(step.__struct_config__.tag),
            "stage": stage.name.lower(),
            "token": self._holding.token,
        }
        if isinstance(step, Start | Stop):
            facts |= {"role": step.copy.role, "copy": f"{step.copy.role}.{step.copy.number}"}
        if isinstance(step, SetRoute | Try):
            facts |= {"role": step.role}
        if isinstance(step, SetRoute):
            facts |= {"weights": [f"{c.role}.{c.number}@{c.release}={s}" for c, s in step.shares]}
        if isinstance(step, EndStray):
            facts |= {"pid": step.pid}
        return facts

    def _write(self, outcome: Outcome, why: str, facts: dict[str, Fact], intent: int = 0) -> int:
        return self._world.journal.write(
            Event(
                verb=Verb.STEP,
                outcome=outcome,
                who="agent",
                why=why,
                app=self._place.app,
                environment=self._place.environment,
                release=self._wanted.release.number if self._wanted else 0,
                facts=facts,
                intent=intent,
            )
        )


def may_unasked(step: Step, routes: tuple[Route, ...]) -> bool:
    """Whether a step may be done in a settled place without anybody asking: keep alive,
    drain, stop what was replaced.

    Files that somebody changed, routes that somebody edited and processes that somebody
    started are shown first (``fairlead drift``).
    """
    if isinstance(step, SetRoute):
        return not any(route.edited for route in routes if route.role == step.role)
    return isinstance(step, Start | Stop)


def roll_out(
    world: World, wanted: Desired, owner: str, plan: str, newer: Newer = lambda: ""
) -> Ending:
    """Bring a place to the wanted release, or halt. Carries on where a killed one stopped.

    ``newer`` says what else is desired meanwhile, "" while nothing is: then it ends early.

    Ends when the release has passed smoke and is marked done; what is left, draining and
    stopping the old side, is ``tend``'s. Raises Busy when somebody else holds the place,
    Refused when the lease was lost, Unknown when the world gave no answer for ``PATIENCE``.
    """
    reason = f"rollout of release {wanted.release.number}"
    with _hold(world, wanted.place, owner, reason) as holding:
        begun = _begin(world, wanted, holding.token, plan)
        before = _counted(world, wanted.place)
        decision = _until_done(world, Rollout(world, wanted.place, wanted, holding), wanted, newer)
        after = _counted(world, wanted.place)
        return _end(world, wanted, holding.token, begun, decision, _between(before, after))


def _counted(world: World, place: Place) -> Counters | None:
    """The proxy's counters; None when it does not say: not known is not zero."""
    try:
        return world.proxy.counters(place)
    except FairleadError:
        return None


def _between(before: Counters | None, after: Counters | None) -> dict[str, Fact]:
    """Requests and failures between two readings; nothing where that is not known."""
    if before is None or after is None or before.since != after.since:
        return {}
    requests, failed = after.requests - before.requests, after.failed - before.failed
    return {"requests": requests, "failed": failed}


def tend(
    world: World,
    place: Place,
    wanted: Desired | None,
    owner: str,
    asked: bool = False,
) -> Decision:
    """One cycle in a place whose rollout is over: drain, stop, start again what died."""
    with _hold(world, place, owner, "tending") as holding:
        return Rollout(world, place, wanted, holding).cycle(asked)


def _hold(world: World, place: Place, owner: str, reason: str) -> Holding:
    """Take the place's lease; taking it over from somebody is written down. Raises Busy."""
    holding = Holding(world.leases, world.clock, place, owner, reason)
    lease = holding.lease
    if lease.taken_from:
        facts: dict[str, Fact] = {
            "token": lease.token,
            "owner": owner,
            "taken_from": lease.taken_from,
            "reason": reason,
        }
        why = f"taken over: {lease.taken_from}"
        world.journal.write(Event(Verb.LEASE, Outcome.DONE, "agent", why, *place, facts=facts))
    return holding


def state_of(world: World, wanted: Desired) -> Job | None:
    """The mark of this revision's rollout: None before it began, RUNNING, SUCCEEDED, FAILED."""
    jobs = world.marks.read(wanted.place).jobs
    key = (JobKind.ROLLOUT, wanted.release.number, wanted.revision)
    return next((job for job in jobs if (job.kind, job.release, job.revision) == key), None)


def is_done(world: World, wanted: Desired) -> bool:
    """Whether this revision's release has passed smoke."""
    jobs = world.marks.read(wanted.place).jobs
    key = (JobKind.DONE, wanted.release.number, wanted.revision, JobState.SUCCEEDED)
    return any((job.kind, job.release, job.revision, job.state) == key for job in jobs)


def _begin(world: World, wanted: Desired, token: int, plan: str) -> Job:
    """The rollout's own mark and its intent entry: written once, also when it is carried on."""
    before = state_of(world, wanted)
    if before and before.state is JobState.RUNNING:
        return before
    why = f"release {wanted.release.number}: {wanted.why or wanted.how}"
    facts: dict[str, Fact] = {**_facts(wanted), "token": token, "plan": plan}
    intent = world.journal.write(_event(wanted, Outcome.INTENT, why, facts, 0))
    now, number = world.clock.now(), wanted.release.number
    begun = Job(JobKind.ROLLOUT, number, wanted.revision, JobState.RUNNING, now, intent=intent)
    world.marks.put_job(wanted.place, begun, token)
    return begun


def _until_done(
    world: World, rollout: Rollout, wanted: Desired, newer: Newer
) -> Settled | Halted | Overtaken:
    if is_done(world, wanted):
        # Carried on from a process that died right after its last step: what is left is ``tend``'s.
        return Settled(f"Release {wanted.release.number} serves.")
    silent_since = 0.0
    pause = Pause(world)
    while True:
        if said := newer():
            return Overtaken(f"Overtaken: {said}.")
        try:
            decision = rollout.cycle()
        except Unknown as error:
            silent_since = silent_since or world.clock.now()
            if world.clock.now() - silent_since > PATIENCE:
                raise
            decision = Waiting(Stage.CONFIG, error.what)
        else:
            silent_since = 0.0
        match decision:
            case Wave(steps=steps):
                if any(isinstance(step, Done) for step in steps) and is_done(world, wanted):
                    return Settled(decision.sentence)
                pause.reset()
            case Waiting():
                pause.wait()
            case _:
                return decision


class Pause:
    """Short pauses first, longer ones when nothing happens."""

    SHORTEST, LONGEST = 0.015, 0.25

    def __init__(self, world: World) -> None:
        self._world = world
        self._next = self.SHORTEST

    def reset(self) -> None:
        """Something happened: be quick again."""
        self._next = self.SHORTEST

    def wait(self) -> None:
        """Let a pause pass; the next one is a little longer."""
        self._world.clock.sleep(self._next)
        self._next = min(self.LONGEST, self._next * 1.05)


def _end(
    world: World,
    wanted: Desired,
    token: int,
    begun: Job,
    decision: Settled | Halted | Overtaken,
    counted: dict[str, Fact],
) -> Ending:
    now = world.clock.now()
    took = int((now - begun.since) * 1000)
    well = isinstance(decision, Settled)
    facts: dict[str, Fact] = {**_facts(wanted), **counted, "milliseconds": took}
    if isinstance(decision, Overtaken):
        facts["reason"] = "overtaken"
    outcome = Outcome.DONE if well else Outcome.FAILED
    if world.journal.is_open(begun.intent):
        world.journal.write(_event(wanted, outcome, decision.sentence, facts, begun.intent))
    state = JobState.SUCCEEDED if well else JobState.FAILED
    ended = msgspec.structs.replace(begun, state=state, since=now, detail=decision.sentence)
    world.marks.put_job(wanted.place, ended, token)
    return Ending(decision, took)


def _facts(wanted: Desired) -> dict[str, Fact]:
    artifact = wanted.release.artifact
    return {
        "revision": wanted.revision,
        "commit": artifact.commit,
        "digest": artifact.digest,
        "how": wanted.how,
        "previous": wanted.previous,
    }


def _event(
    wanted: Desired, outcome: Outcome, why: str, facts: dict[str, Fact], intent: int
) -> Event:
    return Event(
        verb=Verb.ROLLOUT,
        outcome=outcome,
        who=wanted.who or "agent",
        why=why,
        app=wanted.place.app,
        environment=wanted.place.environment,
        release=wanted.release.number,
        facts=facts,
        intent=intent,
    )
