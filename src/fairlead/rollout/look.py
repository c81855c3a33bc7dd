"""One look at a place: what the ports know, as the planner's ``Observed``."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from fairlead.base.errors import FairleadError, Unknown
from fairlead.base.ids import Place
from fairlead.desired.model import Desired
from fairlead.manifest.model import Canary, Role
from fairlead.plan.drift import route_mark, stray_mark
from fairlead.plan.model import Copy, CopyId, CopyState, Health, Observed, Route
from fairlead.rollout.measure import measured
from fairlead.rollout.ports import Process, ProcessState, SiteSeen
from fairlead.rollout.probe import Probed
from fairlead.rollout.rules import role_of
from fairlead.rollout.world import World


def look(world: World, place: Place, wanted: Desired | None) -> Observed:
    """What is there now. Raises Unknown when the runtime or the proxy does not answer."""
    now = world.clock.now()
    marks = world.marks.read(place)
    processes = world.runtime.processes(place)
    sites = world.proxy.sites(place)
    routes = tuple(_route(seen, marks.adopted) for seen in sites)
    world.prober.forget_all_but(place, frozenset(process.pid for process in processes))
    eye = _Eye(world, place, wanted, routes, _in_flight(world, place))
    seen = Observed(
        now=now,
        copies=tuple(sorted((eye.copy(p) for p in processes), key=lambda copy: copy.id)),
        routes=routes,
        jobs=marks.jobs,
        schema=marks.schema,
        prepared=marks.prepared,
        damaged=_damaged(world, wanted, marks.prepared),
        strays=tuple(
            pid for pid in world.runtime.strays(place) if stray_mark(pid) not in marks.adopted
        ),
        canary=eye.health(processes),
    )
    return measured(world, wanted, seen) if wanted else seen


@dataclass(frozen=True)
class _Eye:
    """What every copy of one look is judged with."""

    world: World
    place: Place
    wanted: Desired | None
    routes: tuple[Route, ...]
    flight: Mapping[str, int] | None

    def copy(self, process: Process) -> Copy:
        """A process as the planner's copy."""
        found = self._state(process)
        return Copy(
            id=process.copy,
            state=found.state,
            since=found.since,
            crashes=process.crashes,
            gave_up=process.gave_up,
            in_flight=self._flight(process),
            silent_since=found.silent_since,
            detail=found.detail or process.detail,
            pid=process.pid,
            socket_stays=process.socket_stays,
        )

    def _flight(self, process: Process) -> int | None:
        if not process.address:
            return 0
        return None if self.flight is None else self.flight.get(process.address, 0)

    def _state(self, process: Process) -> Probed:
        now, since = self.world.clock.now(), process.since
        if process.state is not ProcessState.RUNNING:
            return Probed(_ENDED[process.state], since, now, process.detail)
        role = self._role(process.copy)
        if role is None:
            return Probed(CopyState.UNKNOWN, since, now, "nobody asks it: nothing wants it")
        if role.serves:
            return self.world.prober.ask(self.place, process, role.health)
        settled = now - since >= role.settle
        return Probed(CopyState.READY if settled else CopyState.STARTING, since, now)

    def _role(self, copy: CopyId) -> Role | None:
        """The copy's role if its health matters: it is wanted, has traffic, or may be gone
        back to. Others are not asked, so that a broken one cannot slow the look down."""
        releases = (self.wanted.release.number, self.wanted.previous) if self.wanted else ()
        routed = any(copy == id_ for route in self.routes for id_, _ in route.shares)
        if not routed and copy.release not in releases:
            return None
        release = self.world.releases.get(self.place.app, copy.release)
        return role_of(release, copy.role) if release else None

    def health(self, processes: tuple[Process, ...]) -> Health:
        """The verdict from outside, asked only while a canary shares a role's traffic, and
        only of the copies that do: others may still be booting."""
        wanted = self.wanted
        if wanted is None or not isinstance(wanted.strategy, Canary):
            return Health.NOT_KNOWN
        sharing = _sharing(self.routes)
        if not any(copy.release == wanted.release.number for copy in sharing):
            return Health.NOT_KNOWN
        asked = tuple(process for process in processes if process.copy in sharing)
        return self.world.canary.judge(wanted, wanted.strategy, asked)


_ENDED = {
    ProcessState.CRASHED: CopyState.CRASHED,
    ProcessState.STOPPING: CopyState.STOPPING,
    ProcessState.UNKNOWN: CopyState.UNKNOWN,
}


def _sharing(routes: tuple[Route, ...]) -> frozenset[CopyId]:
    """The copies of roles whose traffic goes to more than one release."""
    shared = [r.shares for r in routes if len({copy.release for copy, _ in r.shares}) > 1]
    return frozenset(copy for shares in shared for copy, _ in shares)


def _in_flight(world: World, place: Place) -> Mapping[str, int] | None:
    try:
        return world.proxy.in_flight(place)
    except Unknown:
        return None


def _route(seen: SiteSeen, adopted: tuple[str, ...]) -> Route:
    """A site as the planner's route; a change that a person adopted is none."""
    shares = tuple(sorted((up.copy, up.share) for up in seen.site.upstreams))
    route = Route(seen.site.role, shares, seen.since, seen.edited)
    if route_mark(route) in adopted:
        return msgspec.structs.replace(route, edited="")
    return route


def _damaged(world: World, wanted: Desired | None, prepared: tuple[int, ...]) -> tuple[int, ...]:
    """Only the wanted release is looked at: nothing else is ever started. Files that
    cannot be read are not known to be whole, so they count as damaged."""
    if wanted is None or wanted.release.number not in prepared:
        return ()
    try:
        damaged = world.files.damaged(wanted.release)
    except FairleadError:
        return (wanted.release.number,)
    return (wanted.release.number,) if damaged else ()
