"""Worlds to plan in: releases of every shape, and a fate that moves everything that can move."""

from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from fairlead.artifact.model import Artifact, Schema
from fairlead.base.ids import CommitId, Digest, Place
from fairlead.desired.model import Desired, Release
from fairlead.manifest.model import (
    App,
    BlueGreen,
    Build,
    Canary,
    Environment,
    Migrate,
    Recreate,
    Role,
    Rolling,
    Smoke,
    Strategy,
)
from fairlead.plan.effect import hope
from fairlead.plan.model import (
    Copy,
    CopyId,
    CopyState,
    Health,
    Job,
    JobKind,
    JobState,
    Observed,
    Route,
)

PLACE = Place("river", "local")
replace = msgspec.structs.replace


def release(
    number: int,
    roles: tuple[Role, ...],
    schema: str = "a",
    contracts: tuple[str, ...] = (),
    smokes: bool = True,
    migrates: bool = True,
) -> Release:
    serving = [role.name for role in roles if role.serves]
    app = App(
        name="river",
        build=Build("python"),
        roles=roles,
        environments=(Environment("local"),),
        migrate=Migrate("migrate", database="DATABASE_URL") if migrates else None,
        smokes=tuple(Smoke(f"s-{r}", role=r, path="/") for r in serving) if smokes else (),
    )
    artifact = Artifact(
        app="river",
        commit=CommitId(f"{number:040x}"),
        digest=Digest(f"sha256:{number:064x}"),
        schema=Schema(Digest(f"schema-{schema}"), contracts) if migrates else None,
    )
    return Release("river", number, artifact, app, (), Digest("verdict"), "then", "anna")


def desired(
    of: Release, strategy: Strategy, revision: str, previous: int = 0, how: str = "release"
) -> Desired:
    return Desired(PLACE, revision, of, strategy, how, previous)


strategies: st.SearchStrategy[Strategy] = st.one_of(
    st.builds(Rolling, surge=st.integers(1, 2)),
    st.builds(BlueGreen, hold=st.sampled_from([0, 300])),
    st.builds(
        Canary,
        weights=st.sampled_from([(10,), (10, 50), (1, 25, 75)]),
        bake=st.sampled_from([0, 30]),
        patience=st.just(60),
        hold=st.sampled_from([0, 100]),
    ),
    st.just(Recreate()),
)


@st.composite
def role_sets(draw: st.DrawFn) -> tuple[Role, ...]:
    """One or two roles that serve, up to two that do not; some singletons, some waves, some that
    are handed a socket."""
    serving = [
        Role(
            name,
            "x {socket}",
            copies=1 if (kind := draw(_KINDS[name])) else draw(_COPIES),
            health="/h",
            singleton=kind == "single",
            wave=draw(st.integers(0, 1)),
            socket=kind == "socket",
        )
        for name in draw(st.sampled_from([["web"], ["web", "api"]]))
    ]
    working = [
        Role(name, "y", copies=1 if single else draw(_COPIES), singleton=single)
        for name, single in draw(
            st.sampled_from([[], [("clock", True)], [("clock", True), ("work", False)]])
        )
    ]
    return (*serving, *working)


_COPIES = st.integers(1, 3)
_KINDS = {
    "web": st.sampled_from(["", "", "socket"]),
    "api": st.sampled_from(["", "single", "socket"]),
}


@dataclass(frozen=True)
class Move:
    """One thing the world does by itself: which kind, and to which thing."""

    kind: str
    pick: int


KINDS = (
    "well",
    "well",
    "well",
    "well",
    "grow",
    "grow",
    "grow",
    "crash",
    "wrong",
    "vanish",
    "unknown",
    "hang",
    "end",
    "requests",
    "time",
    "long-time",
    "job-ends",
    "job-fails",
    "job-lost",
    "healthy",
    "healthy",
    "unhealthy",
    "not-known",
    "edit",
    "damage",
    "stray",
    "other-migration",
    "extra",
    "old-route",
)
moves = st.builds(Move, st.sampled_from(KINDS), st.integers(0, 1_000))


def move(seen: Observed, wanted: Desired, what: Move) -> Observed:  # noqa: C901  one case a kind
    """The world after one move of its own."""
    match what.kind:
        case "well":
            return replace(hope(seen, wanted), canary=seen.canary)
        case "grow":
            return _copy(seen, what, CopyState.STARTING, CopyState.READY)
        case "crash":
            return _crash(seen, what)
        case "wrong":
            return _copy(seen, what, CopyState.READY, CopyState.WRONG)
        case "hang":
            return _hang(seen, what)
        case "unknown":
            return _copy(seen, what, CopyState.READY, CopyState.UNKNOWN)
        case "vanish":
            return _drop(seen, _pick(seen.copies, what))
        case "end":
            ending = [copy for copy in seen.copies if copy.state is CopyState.STOPPING]
            return _drop(seen, _pick(ending, what))
        case "requests":
            return _requests(seen, what)
        case "time" | "long-time":
            return replace(seen, now=seen.now + (3 if what.kind == "time" else 40))
        case "job-ends" | "job-fails" | "job-lost":
            return _job(seen, wanted, what)
        case "healthy" | "unhealthy" | "not-known":
            return replace(seen, canary=Health(what.kind.replace("-", " ")))
        case "edit":
            route = _pick(seen.routes, what)
            rest = tuple(r for r in seen.routes if r is not route)
            return (
                replace(seen, routes=(*rest, replace(route, edited="by hand"))) if route else seen
            )
        case "damage":
            return replace(seen, damaged=(wanted.release.number,))
        case "old-route":
            return _old_route(seen)
        case "extra":
            return _extra(seen, wanted, what)
        case "other-migration":
            return _other_migration(seen, wanted)
        case "stray":
            return replace(seen, strays=(4_000 + what.pick,))
    return seen


def _hang(seen: Observed, what: Move) -> Observed:
    """A copy that runs stops answering."""
    copy = _pick([c for c in seen.copies if c.state is CopyState.READY], what)
    if copy is None:
        return seen
    silent = replace(copy, state=CopyState.STARTING, silent_since=seen.now)
    return _swap(seen, copy, silent)


def _extra(seen: Observed, wanted: Desired, what: Move) -> Observed:
    """A copy beyond those wanted: what a person, or an older manifest, may have left."""
    role = _pick(wanted.release.manifest.roles, what)
    id_ = CopyId(wanted.release.number, role.name, role.copies + 1)
    rest = tuple(copy for copy in seen.copies if copy.id != id_)
    extra = Copy(id_, CopyState.READY, seen.now)
    return replace(seen, copies=tuple(sorted((*rest, extra), key=lambda copy: copy.id)))


def _old_route(seen: Observed) -> Observed:
    """A role that no release here has any more still has a route, with nothing behind it."""
    rest = tuple(route for route in seen.routes if route.role != "gone")
    return replace(seen, routes=(*rest, Route("gone", (), seen.now)))


def _other_migration(seen: Observed, wanted: Desired) -> Observed:
    """A migration of an older revision is still at work."""
    other = Job(JobKind.MIGRATE, wanted.release.number + 10, "rev-old", JobState.RUNNING, seen.now)
    return replace(seen, jobs=(*(job for job in seen.jobs if job.key != other.key), other))


def _pick(things, what):
    return things[what.pick % len(things)] if things else None


def _swap(seen: Observed, old: Copy, new: Copy) -> Observed:
    return replace(seen, copies=tuple(new if copy is old else copy for copy in seen.copies))


def _drop(seen: Observed, gone: Copy | None) -> Observed:
    return replace(seen, copies=tuple(copy for copy in seen.copies if copy is not gone))


def _copy(seen: Observed, what: Move, source: CopyState, target: CopyState) -> Observed:
    also = {CopyState.WRONG, CopyState.UNKNOWN, CopyState.CRASHED}
    found = [
        copy
        for copy in seen.copies
        if copy.state is source or (target is CopyState.READY and copy.state in also)
    ]
    copy = _pick(found, what)
    return _swap(seen, copy, replace(copy, state=target, since=seen.now)) if copy else seen


def _crash(seen: Observed, what: Move) -> Observed:
    copy = _pick([c for c in seen.copies if c.state is not CopyState.STOPPING], what)
    if copy is None:
        return seen
    crashes = copy.crashes + 1 + what.pick % 2
    crashed = replace(
        copy,
        state=CopyState.CRASHED,
        since=seen.now,
        crashes=crashes,
        gave_up=crashes > 3,
        in_flight=0,
    )
    return _swap(seen, copy, crashed)


def _requests(seen: Observed, what: Move) -> Observed:
    """Requests come to copies with traffic; elsewhere they only end. Some counts are unknown."""
    copy = _pick(seen.copies, what)
    if copy is None:
        return seen
    has_traffic = any(copy.id == c for route in seen.routes for c, _ in route.shares)
    counts = [0, 1, 7, None] if has_traffic else [0, copy.in_flight]
    return _swap(seen, copy, replace(copy, in_flight=counts[what.pick % len(counts)]))


def _job(seen: Observed, wanted: Desired, what: Move) -> Observed:
    ends = {
        "job-ends": JobState.SUCCEEDED,
        "job-fails": JobState.FAILED,
        "job-lost": JobState.LOST,
    }
    job = _pick([j for j in seen.jobs if j.state is JobState.RUNNING], what)
    if job is None:
        return seen
    ended = replace(job, state=ends[what.kind], since=seen.now)
    jobs = tuple(ended if other is job else other for other in seen.jobs)
    migrated = job.kind is JobKind.MIGRATE and ended.state is JobState.SUCCEEDED
    mine = job.release == wanted.release.number
    schema = wanted.release.artifact.schema if migrated and mine else seen.schema
    return replace(seen, jobs=jobs, schema=schema)
