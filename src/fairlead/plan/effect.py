"""What a step does to the world, as a value. The memory driver is this function."""

import msgspec

from fairlead.desired.model import Desired
from fairlead.plan.model import (
    Backup,
    Copy,
    CopyId,
    CopyState,
    Done,
    DropRoute,
    EndStray,
    Health,
    Job,
    JobKind,
    JobState,
    Migrate,
    Observed,
    Prepare,
    Restore,
    Route,
    SetRoute,
    Smoke,
    Start,
    Step,
    Stop,
    Try,
)

_REPLACE = msgspec.structs.replace


def effect(step: Step, seen: Observed, wanted: Desired) -> Observed:
    """The world right after ``step`` was carried out and went well."""
    match step:
        case Prepare(release=number):
            return _REPLACE(seen, prepared=tuple(sorted({*seen.prepared, number})))
        case Restore(release=number):
            return _REPLACE(seen, damaged=tuple(d for d in seen.damaged if d != number))
        case Start(copy=copy):
            return _with_copy(seen, _started(copy, seen, wanted))
        case Stop(copy=copy):
            return _stopping(seen, copy)
        case SetRoute(role=role, shares=shares):
            return _with_route(seen, role, Route(role, shares, seen.now))
        case DropRoute(role=role):
            return _with_route(seen, role, None)
        case EndStray(pid=pid):
            return _REPLACE(seen, strays=tuple(p for p in seen.strays if p != pid))
        case _:
            return _with_job(seen, _job(step, seen.now, wanted.revision))


def _started(copy: CopyId, seen: Observed, wanted: Desired) -> Copy:
    roles = wanted.release.manifest.roles
    stays = any(role.name == copy.role and role.socket for role in roles)
    return Copy(copy, CopyState.STARTING, seen.now, socket_stays=stays)


def _job(step: Backup | Migrate | Try | Smoke | Done, now: float, revision: str) -> Job:
    """The mark a step leaves. A migration goes on by itself; the others end with their step."""
    kinds = {
        Backup: JobKind.BACKUP,
        Migrate: JobKind.MIGRATE,
        Try: JobKind.TRY,
        Smoke: JobKind.SMOKE,
        Done: JobKind.DONE,
    }
    state = JobState.RUNNING if isinstance(step, Migrate) else JobState.SUCCEEDED
    role = step.role if isinstance(step, Try) else ""
    return Job(kinds[type(step)], step.release, revision, state, now, role=role)


def hope(seen: Observed, wanted: Desired) -> Observed:
    """The world once everything under way has gone well, at the same time of day."""
    landed = [_landed(job) for job in seen.jobs]
    migrated = any(
        old.kind is JobKind.MIGRATE and old.state is JobState.RUNNING and old.release == number
        for old in seen.jobs
        for number in [wanted.release.number]
    )
    return _REPLACE(
        seen,
        copies=tuple(_grown(seen, c) for c in seen.copies if c.state is not CopyState.STOPPING),
        jobs=tuple(landed),
        schema=wanted.release.artifact.schema if migrated else seen.schema,
        canary=Health.HEALTHY,
    )


def _landed(job: Job) -> Job:
    running = job.state is JobState.RUNNING
    return _REPLACE(job, state=JobState.SUCCEEDED) if running else job


def _grown(seen: Observed, copy: Copy) -> Copy:
    routed = any(copy.id == id_ for route in seen.routes for id_, _ in route.shares)
    since = copy.since if copy.state is CopyState.READY else seen.now
    flight = copy.in_flight if routed else 0
    return Copy(
        copy.id,
        CopyState.READY,
        since,
        in_flight=flight,
        pid=copy.pid,
        memory=copy.memory,
        socket_stays=copy.socket_stays,
    )


def _with_copy(seen: Observed, copy: Copy) -> Observed:
    rest = [c for c in seen.copies if c.id != copy.id]
    return _REPLACE(seen, copies=tuple(sorted([*rest, copy], key=lambda c: c.id)))


def _stopping(seen: Observed, copy: CopyId) -> Observed:
    return _REPLACE(
        seen,
        copies=tuple(
            _REPLACE(c, state=CopyState.STOPPING, since=seen.now) if c.id == copy else c
            for c in seen.copies
        ),
    )


def _with_route(seen: Observed, role: str, route: Route | None) -> Observed:
    rest = [r for r in seen.routes if r.role != role]
    both = [*rest, route] if route else rest
    return _REPLACE(seen, routes=tuple(sorted(both, key=lambda r: r.role)))


def _with_job(seen: Observed, job: Job) -> Observed:
    rest = [j for j in seen.jobs if j.key != job.key]
    return _REPLACE(seen, jobs=(*rest, job))
