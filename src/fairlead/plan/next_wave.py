"""The decision: from what is wanted and what is seen to what is done next.

The invariants, each a property in ``tests/properties``:

- traffic goes only to ready copies, and never to fewer of them than were ready while
  enough are (recreate, singletons and roles that are handed a socket excepted: they say so);
- a copy is stopped only once it has no traffic and no request open, or its drain limit
  has passed, or the next copy takes over its socket;
- a migration runs only after a backup under the same revision, once per release, and
  never beside another;
- a singleton's copies never overlap;
- old copies that serve are kept until the new release is done, but for those whose place
  a rolling strategy needs;
- the same input gives the same decision; a settled world gives Settled;
- it settles, or halts, from every state.
"""

from collections.abc import Callable, Iterable
from itertools import groupby

from fairlead.artifact.model import Schema
from fairlead.desired.model import Desired, Release
from fairlead.manifest.model import BlueGreen, Canary, Role, Rolling
from fairlead.plan import room
from fairlead.plan.model import (
    Backup,
    Copy,
    CopyState,
    Decision,
    Done,
    DropRoute,
    EndStray,
    Halted,
    JobKind,
    JobState,
    Migrate,
    Observed,
    Prepare,
    Settled,
    Smoke,
    Stage,
    Step,
    Waiting,
    Wave,
)
from fairlead.plan.strategies import parts
from fairlead.plan.strategies.blue_green import blue_green
from fairlead.plan.strategies.canary import canary
from fairlead.plan.strategies.replace import replace
from fairlead.plan.strategies.rolling import rolling
from fairlead.plan.view import View


def next_wave(wanted: Desired, seen: Observed) -> Decision:
    """What to do now. Total and pure: the same input gives the same decision."""
    view = View(wanted, seen)
    questions: tuple[Callable[[View], Decision | None], ...] = (
        _failed_job,
        _fits,
        _laid_out,
        _schema_allows,
        _backup,
        _migrate,
        _roles,
        _smoke,
        _done,
        _routes_left,
        _copies_left,
        _files_left,
        _strays,
    )
    for question in questions:
        decision = question(view)
        if decision is not None:
            return decision
    return _settled(view)


def _failed_job(view: View) -> Decision | None:
    """A job that failed under this revision ends the rollout; a lost one is run again."""
    if view.done:
        return None
    stages = {
        JobKind.BACKUP: Stage.BACKUP,
        JobKind.MIGRATE: Stage.MIGRATE,
        JobKind.TRY: Stage.CORE,
        JobKind.SMOKE: Stage.SMOKE,
    }
    for job in view.jobs():
        stage, kind = stages.get(job.kind), job.kind
        if stage is not None and job.state is JobState.FAILED:
            what = f"The {_NAMES[kind]} of release {view.number} failed"
            return Halted(stage, f"{what}: {job.detail}." if job.detail else f"{what}.")
    return None


_NAMES = {
    JobKind.BACKUP: "backup",
    JobKind.MIGRATE: "migration",
    JobKind.TRY: "smoke check before the switch",
    JobKind.SMOKE: "smoke check",
}


def _fits(view: View) -> Decision | None:
    return None if view.done else room.refusal(view, backs_up(view))


def _laid_out(view: View) -> Decision | None:
    """Once a release is done its copies run from memory, and what keeps them serving comes
    before its files: see ``_files_left``."""
    number = view.number
    if view.damaged and not view.done:
        return parts.restore(view)
    if number in view.seen.prepared:
        return None
    step: Step = Prepare(number, "its directories and settings come first")
    return Wave(Stage.CONFIG, (step,), f"Lay out release {number}.")


def _schema_allows(view: View) -> Decision | None:
    """Promise 11: an older release does not start on a schema it cannot run on."""
    past = schema_past(view.wanted.release, view.seen.schema)
    if not past or view.done:
        return None
    names = ", ".join(past)
    return Halted(
        Stage.MIGRATE,
        f"The schema has moved past release {view.number}: {names} ran, and it lacks that.",
    )


def schema_past(release: Release, ran: Schema | None) -> tuple[str, ...]:
    """The contracting migrations that ran (``ran``: what the last one left) and that the release
    does not know."""
    schema = release.artifact.schema
    if ran is None or schema is None:
        return ()
    return tuple(name for name in ran.contracts if name not in schema.contracts)


def needs_migration(view: View) -> bool:
    """Whether this release's migrate command is still to run here.

    Not when it ran, not when what it would run is what ran last, and never for a
    release that was proven here: older code cannot migrate a newer schema.
    """
    schema = view.wanted.release.artifact.schema
    if schema is None or view.wanted.release.manifest.migrate is None or view.proven:
        return False
    ran = view.seen.job(JobKind.MIGRATE, view.number)
    if ran and ran.state is JobState.SUCCEEDED:
        return False
    return view.seen.schema is None or view.seen.schema.digest != schema.digest


def backs_up(view: View) -> bool:
    """Whether a migration is still to run here that a backup comes before."""
    migrate = view.wanted.release.manifest.migrate
    return bool(migrate and migrate.database) and needs_migration(view)


def _backup(view: View) -> Decision | None:
    migrate = view.wanted.release.manifest.migrate
    if migrate is None or not backs_up(view):
        return None
    running = view.seen.job(JobKind.MIGRATE, view.number)
    if view.succeeded(JobKind.BACKUP) or (running and running.state is JobState.RUNNING):
        return None
    step = Backup(view.number, "a migration follows")
    return Wave(Stage.BACKUP, (step,), f"Back up {migrate.database} and read the backup back.")


def _migrate(view: View) -> Decision | None:
    running = sorted(
        job.release
        for job in view.seen.jobs
        if job.kind is JobKind.MIGRATE and job.state is JobState.RUNNING
    )
    if running and (needs_migration(view) or view.number in running):
        return Waiting(Stage.MIGRATE, f"The migration of release {running[0]} runs.")
    if not needs_migration(view):
        return None
    step = Migrate(view.number, "once, with the new code, before it gets traffic")
    return Wave(Stage.MIGRATE, (step,), f"Run the migration of release {view.number}.")


def _roles(view: View) -> Decision | None:
    """Roles that serve first, then the others; inside a stage by wave.

    While a rollout is under way a stage waits for the one before it. In a release that is
    done every role is looked after at once: one that waits does not hold up another.
    """
    roles = sorted(view.roles.values(), key=_order)
    if view.done:
        return _together([_replace(view, role) for role in roles])
    for _, group in groupby(roles, key=lambda role: _order(role)[:2]):
        decision = _together([_replace(view, role) for role in group])
        if decision is not None:
            return decision
    return None


def _order(role: Role) -> tuple[int, int, str]:
    return parts.stage_of(role), role.wave, role.name


def _replace(view: View, role: Role) -> Decision | None:
    strategy = view.wanted.strategy
    if role.alone:
        return replace(view, role)
    match strategy:
        case Rolling(surge=surge):
            return rolling(view, role, surge)
        case BlueGreen():
            return blue_green(view, role)
        case Canary():
            return canary(view, role, strategy)
    return replace(view, role)


def _together(decisions: Iterable[Decision | None]) -> Decision | None:
    """One decision for several roles: halt before acting, act before waiting."""
    found = [decision for decision in decisions if decision is not None]
    for decision in found:
        if isinstance(decision, Halted):
            return decision
    waves = [decision for decision in found if isinstance(decision, Wave)]
    if waves:
        steps = tuple(step for wave in waves for step in wave.steps)
        return Wave(waves[0].stage, steps, " ".join(wave.sentence for wave in waves))
    waits = [decision for decision in found if isinstance(decision, Waiting)]
    return min(waits, key=lambda wait: wait.until or float("inf")) if waits else None


def _smoke(view: View) -> Decision | None:
    asked = view.wanted.release.manifest.smokes
    if view.done or not asked or view.succeeded(JobKind.SMOKE):
        return None
    step = Smoke(view.number, "users come this way")
    return Wave(Stage.SMOKE, (step,), f"Ask {_checks(len(asked))} through the proxy.")


def _checks(count: int) -> str:
    return "1 smoke check" if count == 1 else f"{count} smoke checks"


def _done(view: View) -> Decision | None:
    if view.done:
        return None
    step = Done(view.number, "every wave is behind it")
    return Wave(Stage.DONE, (step,), f"Release {view.number} serves.")


def _routes_left(view: View) -> Decision | None:
    """Routes of roles that the release no longer has."""
    serving = {role.name for role in view.roles.values() if role.serves}
    left = sorted(route.role for route in view.seen.routes if route.role not in serving)
    if not left:
        return None
    steps = tuple(DropRoute(role, "the release has no such role") for role in left)
    return Wave(Stage.DONE, steps, f"Stop serving {', '.join(left)}.")


def _copies_left(view: View) -> Decision | None:
    """Copies that the release does not want and that are not held for going back."""
    left = [c for c in view.seen.copies if not _wanted(view, c) and not _held(view, c)]
    return parts.stop(view, left, Stage.DONE, "it is replaced")


def _wanted(view: View, copy: Copy) -> bool:
    role = view.roles.get(copy.id.role)
    return (
        role is not None and copy.id.release == view.number and 1 <= copy.id.number <= role.copies
    )


def held_until(view: View) -> float:
    """Until when the side that served before is held, so that going back is a switch.

    After a return nothing is held: what failed is no place to go back to.
    """
    done = view.job(JobKind.DONE)
    strategy = view.wanted.strategy
    hold = strategy.hold if isinstance(strategy, BlueGreen | Canary) else 0
    if done is None or not hold or view.wanted.how == "return" or not view.wanted.previous:
        return 0.0
    return done.since + hold


def _held(view: View, copy: Copy) -> bool:
    role = view.roles.get(copy.id.role)
    if role is None or role.alone or copy.state is not CopyState.READY:
        return False
    before = copy.id.release == view.wanted.previous != view.number
    return before and view.seen.now < held_until(view)


def _files_left(view: View) -> Decision | None:
    return parts.restore(view) if view.damaged else None


def _strays(view: View) -> Decision | None:
    if not view.seen.strays:
        return None
    steps = tuple(EndStray(pid, "no copy accounts for it") for pid in sorted(view.seen.strays))
    return Wave(Stage.DONE, steps, "End processes that carry our mark and that nobody started.")


def _settled(view: View) -> Settled:
    until = held_until(view)
    if any(_held(view, copy) for copy in view.seen.copies):
        held = f"release {view.wanted.previous} is held beside it"
        return Settled(f"Release {view.number} serves; {held}.", until)
    return Settled(f"Release {view.number} serves, and nothing else runs.")
