"""The promises, as questions asked of every step before it is carried out.

Each function is one safety property. It takes what is wanted, what is seen and the step, and
answers True (it holds), False (the step would break it) or None (it has nothing to say of such
a step). ``ASKED`` counts the first, so that a property that is never really asked shows.
"""

from collections import Counter
from collections.abc import Callable

from fairlead.desired.model import Desired
from fairlead.manifest.model import BlueGreen, Canary, Recreate, Role, Rolling
from fairlead.plan.model import (
    Copy,
    CopyState,
    Done,
    DropRoute,
    Health,
    JobKind,
    JobState,
    Migrate,
    Observed,
    Restore,
    SetRoute,
    Smoke,
    Start,
    Step,
    Stop,
)

Property = Callable[[Desired, Observed, Step], bool | None]


class Broken(AssertionError):
    """A promise does not hold. The message starts with the property's name."""


ASKED: Counter[str] = Counter()
"""How often each property really had something to say, in this process."""


def check(wanted: Desired, seen: Observed, step: Step) -> None:
    """Ask every property of one step."""
    for holds in PROPERTIES:
        answer = holds(wanted, seen, step)
        if answer is False:
            raise Broken(f"{holds.__name__}: {step}\nwanted {wanted.release.number}\n{seen}")
        ASKED[holds.__name__] += answer is True


def roles(wanted: Desired) -> dict[str, Role]:
    return {role.name: role for role in wanted.release.manifest.roles}


def copy_of(seen: Observed, step: Stop) -> Copy | None:
    return next((copy for copy in seen.copies if copy.id == step.copy), None)


def routed(seen: Observed, role: str) -> set[object]:
    route = seen.route(role)
    return {copy for copy, _ in route.shares} if route else set()


def alive(seen: Observed, role: str) -> list[Copy]:
    return [copy for copy in seen.copies if copy.id.role == role]


def has_gap(wanted: Desired, role: Role) -> bool:
    """Strategies that say they leave a gap."""
    return role.singleton or role.socket or isinstance(wanted.strategy, Recreate)


def done(wanted: Desired, seen: Observed) -> bool:
    job = seen.job(JobKind.DONE, wanted.release.number)
    return job is not None and job.revision == wanted.revision and job.state is JobState.SUCCEEDED


def proven(wanted: Desired, seen: Observed) -> bool:
    job = seen.job(JobKind.DONE, wanted.release.number)
    return job is not None and job.state is JobState.SUCCEEDED


def succeeded(wanted: Desired, seen: Observed, kind: JobKind, role: str = "") -> bool:
    return any(
        job.key == (kind, wanted.release.number, role)
        and job.revision == wanted.revision
        and job.state is JobState.SUCCEEDED
        for job in seen.jobs
    )


def traffic_only_to_ready(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    if not isinstance(step, SetRoute):
        return None
    ready = {copy.id for copy in seen.copies if copy.state is CopyState.READY}
    return all(copy in ready and share > 0 for copy, share in step.shares)


def traffic_only_to_wanted_or_serving(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """A copy of another release gets traffic only if it has some already."""
    if not isinstance(step, SetRoute):
        return None
    had = routed(seen, step.role)
    return all(copy in had or copy.release == wanted.release.number for copy, _ in step.shares)


def tried_before_traffic(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    if not isinstance(step, SetRoute) or proven(wanted, seen):
        return None
    new = {c for c, _ in step.shares if c.release == wanted.release.number}
    asked = [s for s in wanted.release.manifest.smokes if s.path and s.role == step.role]
    if not new or new & routed(seen, step.role) or not asked:
        return None
    return succeeded(wanted, seen, JobKind.TRY, step.role)


def enough_stay_ready(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """A switch never leaves fewer ready copies than were serving, while that many are wanted."""
    if not isinstance(step, SetRoute) or has_gap(wanted, roles(wanted)[step.role]):
        return None
    had = routed(seen, step.role)
    before = [c for c in seen.copies if c.id in had and c.state is CopyState.READY]
    return len(step.shares) >= min(len(before), roles(wanted)[step.role].copies)


def stopped_only_when_drained(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    if not isinstance(step, Stop):
        return None
    copy, role = copy_of(seen, step), roles(wanted).get(step.copy.role)
    if copy is None or (role is not None and not role.serves and not seen.route(step.copy.role)):
        return None
    if hangs(wanted, seen, copy):
        return True
    if role is not None and role.socket and copy.socket_stays:
        return True
    if copy.id in routed(seen, copy.id.role):
        return False
    if copy.in_flight == 0 or copy.state is CopyState.CRASHED:
        return True
    route, finished = seen.route(copy.id.role), seen.job(JobKind.DONE, wanted.release.number)
    since = route.since if route else finished.since if finished else None
    return since is not None and seen.now >= since + (role.stop if role else 30)


def wanted_copies_are_left_alone(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    if not isinstance(step, Stop) or step.copy.release != wanted.release.number:
        return None
    role, copy = roles(wanted).get(step.copy.role), copy_of(seen, step)
    if copy is not None and hangs(wanted, seen, copy):
        return True
    return role is None or not 1 <= step.copy.number <= role.copies


def hangs(wanted: Desired, seen: Observed, copy: Copy) -> bool:
    """A wanted copy that nothing can take the place of has given no answer for long enough."""
    role = roles(wanted).get(copy.id.role)
    if role is None or not copy.silent_since or copy.state is CopyState.READY:
        return False
    nothing_better = done(wanted, seen) or wanted.how == "return"
    return nothing_better and seen.now - copy.silent_since >= role.ready


def backup_before_migration(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    migrate = wanted.release.manifest.migrate
    if not isinstance(step, Migrate) or migrate is None or not migrate.database:
        return None
    return succeeded(wanted, seen, JobKind.BACKUP)


def one_migration_at_a_time(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    running = [j for j in seen.jobs if (j.kind, j.state) == (JobKind.MIGRATE, JobState.RUNNING)]
    return not running if isinstance(step, Migrate) else None


def migrated_once(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    job = seen.job(JobKind.MIGRATE, wanted.release.number)
    ran = job is not None and job.state is JobState.SUCCEEDED
    return not (ran or proven(wanted, seen)) if isinstance(step, Migrate) else None


def migrated_before_start(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """No copy of a release starts before the schema it needs is there."""
    if not isinstance(step, Start) or proven(wanted, seen):
        return None
    schema, migrate = wanted.release.artifact.schema, wanted.release.manifest.migrate
    if schema is None or migrate is None:
        return None
    job = seen.job(JobKind.MIGRATE, wanted.release.number)
    ran = job is not None and job.state is JobState.SUCCEEDED
    return ran or (seen.schema is not None and seen.schema.digest == schema.digest)


def schema_not_past(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    schema = wanted.release.artifact.schema
    if not isinstance(step, Start | SetRoute) or done(wanted, seen):
        return None
    if seen.schema is None or schema is None:
        return None
    return set(seen.schema.contracts) <= set(schema.contracts)


def singletons_never_overlap(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    if not isinstance(step, Start) or not roles(wanted)[step.copy.role].singleton:
        return None
    return not [copy for copy in alive(seen, step.copy.role) if copy.id != step.copy]


def one_copy_on_a_socket(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """Two that accept from one socket would mix what they answer."""
    if not isinstance(step, Start) or not roles(wanted)[step.copy.role].socket:
        return None
    return not [copy for copy in alive(seen, step.copy.role) if copy.id != step.copy]


def a_socket_that_stays_has_no_gap(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """The maintenance page is shown only where a copy that serves has a socket of its own."""
    if not isinstance(step, SetRoute) or not roles(wanted)[step.role].socket:
        return None
    had = routed(seen, step.role)
    own = [c for c in alive(seen, step.role) if c.id in had and not c.socket_stays]
    return bool(step.shares or own)


def workers_end_before_they_start(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    if not isinstance(step, Start) or roles(wanted)[step.copy.role].serves:
        return None
    others = alive(seen, step.copy.role)
    return not [copy for copy in others if copy.id.release != wanted.release.number]


def old_side_kept_until_done(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """What a failure would return to is stopped early only where rolling needs its place."""
    if not isinstance(step, Stop) or done(wanted, seen):
        return None
    copy, role = copy_of(seen, step), roles(wanted).get(step.copy.role)
    if copy is None or copy.state is not CopyState.READY or role is None:
        return None
    before = copy.id.release == wanted.previous != wanted.release.number
    if not before or not role.serves or has_gap(wanted, role):
        return None
    if not isinstance(wanted.strategy, Rolling):
        return False
    mine = [
        c
        for c in alive(seen, role.name)
        if c.id.release == wanted.release.number and c.id.number <= role.copies
    ]
    full = len(alive(seen, role.name)) >= role.copies + wanted.strategy.surge
    return full and len(mine) < role.copies


def held_side_stays(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    strategy = wanted.strategy
    if not isinstance(step, Stop) or not isinstance(strategy, BlueGreen | Canary):
        return None
    job, copy = seen.job(JobKind.DONE, wanted.release.number), copy_of(seen, step)
    role = roles(wanted).get(step.copy.role)
    if job is None or copy is None or role is None or wanted.how == "return":
        return None
    held = not role.alone and copy.state is CopyState.READY
    before = step.copy.release == wanted.previous != wanted.release.number
    ours = before and job.revision == wanted.revision
    return seen.now >= job.since + strategy.hold if held and ours else None


def rolling_keeps_its_budget(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    if not isinstance(step, Start) or not isinstance(wanted.strategy, Rolling):
        return None
    role = roles(wanted)[step.copy.role]
    if role.alone or any(c.id == step.copy for c in seen.copies):
        return None
    nothing_ready = not any(c.state is CopyState.READY for c in alive(seen, role.name))
    return nothing_ready or len(alive(seen, role.name)) < role.copies + wanted.strategy.surge


def not_known_never_advances(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """A canary's share grows only on a healthy verdict after its bake."""
    if not isinstance(step, SetRoute) or not isinstance(wanted.strategy, Canary):
        return None
    role = roles(wanted)[step.role]
    if role.alone or proven(wanted, seen):
        return None
    route, number = seen.route(step.role), wanted.release.number
    before, after = percent(route.shares if route else (), number), percent(step.shares, number)
    ready = {c.id for c in seen.copies if c.state is CopyState.READY}
    old_serves = [c for c in routed(seen, step.role) if c in ready and c.release != number]
    if after <= before or not old_serves:
        return None
    if before == 0:
        return after <= wanted.strategy.weights[0]
    baked = route is not None and seen.now >= route.since + wanted.strategy.bake
    next_up = min([w for w in wanted.strategy.weights if w > before], default=100)
    return seen.canary is Health.HEALTHY and baked and after <= next_up


def percent(shares: tuple[tuple[object, int], ...], number: int) -> float:
    whole = sum(share for _, share in shares)
    return 100 * sum(s for c, s in shares if c.release == number) / whole if whole else 0.0


def laid_out_and_whole_before_start(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    number = wanted.release.number
    if not isinstance(step, Start | Migrate):
        return None
    return number in seen.prepared and number not in seen.damaged


def stages_in_order(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """Workers start after everything that serves does; smoke after all; done last."""
    if done(wanted, seen) or isinstance(step, Restore):
        return None
    if isinstance(step, Start) and not roles(wanted)[step.copy.role].serves:
        return all(is_whole(wanted, seen, role) for role in roles(wanted).values() if role.serves)
    if isinstance(step, Smoke | Done):
        return all(is_whole(wanted, seen, role) for role in roles(wanted).values())
    return None


def done_only_after_smoke(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    asked = bool(wanted.release.manifest.smokes)
    return succeeded(wanted, seen, JobKind.SMOKE) if isinstance(step, Done) and asked else None


def nothing_after_a_failed_job(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """A backup, migration or smoke check that said no ends the rollout: no step follows it."""
    if done(wanted, seen):
        return None
    mine = (wanted.release.number, wanted.revision, JobState.FAILED)
    return not any((job.release, job.revision, job.state) == mine for job in seen.jobs)


def routes_of_wanted_roles_stay(wanted: Desired, seen: Observed, step: Step) -> bool | None:
    """A role that the release serves never loses its route altogether."""
    if not isinstance(step, DropRoute):
        return None
    role = roles(wanted).get(step.role)
    return done(wanted, seen) and (role is None or not role.serves)


def retired_only_when_drained(seen: Observed, step: Step) -> bool | None:
    """On the way out of a place: no traffic and no open request, or 30 s since the switch."""
    if isinstance(step, DropRoute):
        return not routed(seen, step.role)
    copy = copy_of(seen, step) if isinstance(step, Stop) else None
    if copy is None or copy.id in routed(seen, copy.id.role):
        return None if copy is None else False
    route = seen.route(copy.id.role)
    idle = copy.in_flight == 0 or copy.state is CopyState.CRASHED
    return idle or route is None or seen.now >= route.since + 30


def is_whole(wanted: Desired, seen: Observed, role: Role) -> bool:
    """Every wanted copy of the role is ready, and it has all of the role's traffic."""
    number = wanted.release.number
    mine = {c.id for c in alive(seen, role.name) if c.id.release == number}
    ready = {c.id for c in seen.copies if c.state is CopyState.READY}
    full = {c for c in mine if c in ready and 1 <= c.number <= role.copies}
    if len(full) != role.copies:
        return False
    return not role.serves or routed(seen, role.name) == full


PROPERTIES: tuple[Property, ...] = (
    traffic_only_to_ready,
    traffic_only_to_wanted_or_serving,
    tried_before_traffic,
    enough_stay_ready,
    stopped_only_when_drained,
    wanted_copies_are_left_alone,
    backup_before_migration,
    one_migration_at_a_time,
    migrated_once,
    migrated_before_start,
    schema_not_past,
    singletons_never_overlap,
    one_copy_on_a_socket,
    a_socket_that_stays_has_no_gap,
    workers_end_before_they_start,
    old_side_kept_until_done,
    held_side_stays,
    rolling_keeps_its_budget,
    not_known_never_advances,
    laid_out_and_whole_before_start,
    stages_in_order,
    done_only_after_smoke,
    nothing_after_a_failed_job,
    routes_of_wanted_roles_stay,
)
