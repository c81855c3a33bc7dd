"""One cycle of a rollout: look, decide, do the first wave; each step written down twice."""

from collections import Counter

from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.ids import Place
from fairlead.base.journal import Event, Fact, Outcome, Verb
from fairlead.desired.model import Desired
from fairlead.plan.explain import phrase
from fairlead.plan.model import (
    Decision,
    EndStray,
    Halted,
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
    Wave,
)
from fairlead.plan.next_wave import next_wave
from fairlead.plan.retire import retire
from fairlead.rollout.act import Actor
from fairlead.rollout.jobs import JobFailed, harvest
from fairlead.rollout.lease import Holding
from fairlead.rollout.look import look
from fairlead.rollout.world import World

TRIES_UNANSWERED = 10
"""The same where the world gave no answer at all: about nine seconds of it."""

TRIES = 3
"""How often a step that the world refused is tried before the rollout halts."""

_WRITES_ITSELF = (
    "The files of release {number} change while it is rolled out ({paths}): it writes into its own "
    "release. What it keeps belongs into the directory that FAIRLEAD_DATA names."
)


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
