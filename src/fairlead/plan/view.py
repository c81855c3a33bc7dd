"""What the planner asks of its two inputs, in one place."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fairlead.desired.model import Desired
from fairlead.manifest.model import Role
from fairlead.plan.model import (
    Copy,
    CopyId,
    CopyState,
    Job,
    JobKind,
    JobState,
    Observed,
    Route,
)

DRAIN_DEFAULT = 30.0
"""Seconds a copy gets to end its requests when its role is no longer known."""


@dataclass(frozen=True)
class View:
    """A wanted release and what was seen of its place, read together."""

    wanted: Desired
    seen: Observed

    @property
    def number(self) -> int:
        """The wanted release's number."""
        return self.wanted.release.number

    @cached_property
    def roles(self) -> dict[str, Role]:
        """The wanted release's roles by name."""
        return {role.name: role for role in self.wanted.release.manifest.roles}

    @cached_property
    def done(self) -> bool:
        """Whether this revision's rollout has passed smoke."""
        return self.succeeded(JobKind.DONE)

    @cached_property
    def proven(self) -> bool:
        """Whether this release ever passed smoke here, under any revision."""
        job = self.seen.job(JobKind.DONE, self.number)
        return job is not None and job.state is JobState.SUCCEEDED

    @property
    def damaged(self) -> bool:
        """Whether the wanted release's files are no longer what was built."""
        return self.number in self.seen.damaged

    def jobs(self) -> list[Job]:
        """The newest run of every job of this release under this revision, in one order."""
        mine = (self.number, self.wanted.revision)
        found = [job for job in self.seen.jobs if (job.release, job.revision) == mine]
        return sorted(found, key=lambda job: job.key)

    def job(self, kind: JobKind, role: str = "") -> Job | None:
        """That job's newest run for this release under this revision."""
        return next((job for job in self.jobs() if (job.kind, job.role) == (kind, role)), None)

    def succeeded(self, kind: JobKind, role: str = "") -> bool:
        """Whether that job succeeded for this release under this revision."""
        job = self.job(kind, role)
        return job is not None and job.state is JobState.SUCCEEDED

    def mine(self, role: Role) -> dict[int, Copy]:
        """The role's copies of the wanted release, by number."""
        return {
            copy.id.number: copy
            for copy in self.seen.copies
            if copy.id.role == role.name and copy.id.release == self.number
        }

    def others(self, role: Role) -> tuple[Copy, ...]:
        """The role's copies of any other release."""
        return tuple(
            copy
            for copy in self.seen.copies
            if copy.id.role == role.name and copy.id.release != self.number
        )

    def unwanted(self, role: Role) -> tuple[Copy, ...]:
        """The role's copies of any other release, and those beyond the wanted number."""
        beyond = [copy for number, copy in self.mine(role).items() if number > role.copies]
        return (*self.others(role), *beyond)

    def missing(self, role: Role) -> list[CopyId]:
        """The wanted copies that do not exist in any state."""
        mine = self.mine(role)
        numbers = range(1, role.copies + 1)
        return [CopyId(self.number, role.name, n) for n in numbers if n not in mine]

    def ready(self, role: Role) -> list[CopyId]:
        """The wanted copies that are ready, in order."""
        mine = self.mine(role)
        wanted = range(1, role.copies + 1)
        return [mine[n].id for n in wanted if n in mine and mine[n].state is CopyState.READY]

    def serving(self, role: Role, copies: Iterable[Copy]) -> list[CopyId]:
        """Those of them that are ready and have traffic now, in order."""
        routed = self.routed(role.name)
        return sorted(c.id for c in copies if c.id in routed and c.state is CopyState.READY)

    def serving_others(self, role: Role) -> list[CopyId]:
        """Ready copies of other releases that have traffic now, in order."""
        return self.serving(role, self.others(role))

    def route(self, role: str) -> Route | None:
        """The role's route now."""
        return self.seen.route(role)

    def routed(self, role: str) -> frozenset[CopyId]:
        """The copies that may get the role's traffic now."""
        route = self.seen.route(role)
        return frozenset(copy for copy, _ in route.shares) if route else frozenset()

    def drains_until(self, copy: CopyId) -> float:
        """When a copy that was let go stops being waited for.

        The proxy let go of it no later than when its route was last set; where the route
        is gone altogether, when this rollout was done.
        """
        role = self.roles.get(copy.role)
        limit = float(role.stop) if role else DRAIN_DEFAULT
        route = self.seen.route(copy.role)
        done = self.seen.job(JobKind.DONE, self.number)
        since = route.since if route else (done.since if done else 0.0)
        return since + limit

    def hands_on(self, copy: Copy) -> bool:
        """Whether the role's next copy takes over its socket, and with it what waits there."""
        role = self.roles.get(copy.id.role)
        return copy.socket_stays and role is not None and role.socket

    def drained(self, copy: Copy) -> bool:
        """Whether nothing is lost by stopping it (promise 2).

        It has no traffic, and no request is open with it, or its drain limit has passed. An
        unknown number of open requests is waited out. A copy that hands on its socket ends what it
        has begun by itself, within the same limit, and takes on nothing new.
        """
        if self.hands_on(copy):
            return True
        if copy.id in self.routed(copy.id.role):
            return False
        idle = copy.in_flight == 0 or copy.state is CopyState.CRASHED
        return idle or self.seen.now >= self.drains_until(copy.id)
