"""Everything the verbs work with, joined by ``wire``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.base.clock import Clock
from fairlead.base.ids import Place
from fairlead.base.later import Part
from fairlead.base.paths import Home
from fairlead.desired import read
from fairlead.desired.flow import Deploy
from fairlead.desired.model import Desired
from fairlead.desired.ports import Signer
from fairlead.plan.model import JobKind, JobState
from fairlead.record.flow import Record
from fairlead.record.ports import Store

if TYPE_CHECKING:  # what few commands need is not imported for the others
    from fairlead.access.ports import People
    from fairlead.artifact.flow import Workshop
    from fairlead.certificates.flow import Keeper
    from fairlead.checks.flow import Desk
    from fairlead.checks.ports import Forges
    from fairlead.database.ports import Databases
    from fairlead.rollout.ports import MarkStore, Releases
    from fairlead.rollout.world import World
    from fairlead.service.ports import Machine, Notes, Repositories
    from fairlead.service.sealed import Sealed
    from fairlead.source.ports import Sources, Upstream


@dataclass(frozen=True)
class Tools:
    """One home's rooms and drivers. ``me`` is who acts (``anna``); ``owner`` is this process,
    as leases name it. ``marks`` and ``releases`` are also the world's."""

    home: Home
    clock: Clock
    me: str
    owner: str
    deploy: Deploy
    signer: Signer
    record: Record
    store: Store
    marks: "MarkStore"
    releases: "Releases"
    machine: "Machine"
    notes: "Notes"
    sealed: "Part[Sealed]" = Part()
    repositories: "Part[Repositories]" = Part()
    desk: "Part[Desk]" = Part()
    shop: "Part[Workshop]" = Part()
    world: "Part[World]" = Part()
    people: "Part[People]" = Part()
    databases: "Part[Databases]" = Part()
    certificates: "Part[Keeper | None]" = Part()
    sources: "Part[Sources]" = Part()
    upstream: "Part[Upstream]" = Part()
    forge: "Part[Forges]" = Part()

    def apps(self) -> tuple[str, ...]:
        """Every app with a repository in this home, sorted."""
        return self.home.apps()

    def places(self) -> tuple[Place, ...]:
        """Every place that has a release desired or proposed."""
        return read.places(self.deploy.repo.look())

    def proven(self, place: Place) -> frozenset[int]:
        """The releases that once passed smoke in a place."""
        jobs = self.marks.read(place).jobs
        done = (JobKind.DONE, JobState.SUCCEEDED)
        return frozenset(job.release for job in jobs if (job.kind, job.state) == done)

    def desired(self, place: Place) -> Desired | None:
        """What a place should run, verified. Raises Refused or UsageError."""
        look = self.deploy.repo.look()
        return read.read(look, self.deploy.verifier, place, self.proven(place))
