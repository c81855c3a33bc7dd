"""Lease, look, plan, do the first wave, look again.

Everything a rollout has achieved is in the world or in a durable mark, so a rollout
that was killed is carried on by calling ``roll_out`` again: there is no second path.
"""

from collections.abc import Callable

import msgspec

from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.desired.model import Desired
from fairlead.plan.model import (
    Decision,
    Done,
    Halted,
    Job,
    JobKind,
    JobState,
    Settled,
    Stage,
    Waiting,
    Wave,
)
from fairlead.rollout.cycle import Rollout
from fairlead.rollout.lease import Holding
from fairlead.rollout.ports import Counters
from fairlead.rollout.world import World

PATIENCE = 60.0
"""Seconds the world may give no answer before the rollout gives up for now."""

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
