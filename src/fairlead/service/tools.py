"""Everything the verbs work with, joined by ``wire``."""

from dataclasses import dataclass

from fairlead.artifact.flow import Workshop
from fairlead.base.clock import Clock
from fairlead.base.ids import Place
from fairlead.base.paths import Home
from fairlead.checks.flow import Desk
from fairlead.desired import read
from fairlead.desired.flow import Deploy
from fairlead.desired.model import Desired
from fairlead.desired.ports import Signer
from fairlead.plan.model import JobKind, JobState
from fairlead.record.flow import Record
from fairlead.record.ports import Store
from fairlead.rollout.world import World
from fairlead.service.ports import Machine, Notes, Repositories


@dataclass(frozen=True)
class Tools:
    """One home's rooms and drivers. ``me`` is who acts (``anna``); ``owner`` is this process,
    as leases name it."""

    home: Home
    clock: Clock
    me: str
    owner: str
    deploy: Deploy
    signer: Signer
    record: Record
    store: Store
    desk: Desk
    shop: Workshop
    world: World
    repositories: Repositories
    machine: Machine
    notes: Notes

    def apps(self) -> tuple[str, ...]:
        """Every app with a repository in this home, sorted."""
        found = (self.home.root / "apps").glob("*/repo.git")
        return tuple(sorted(path.parent.name for path in found))

    def places(self) -> tuple[Place, ...]:
        """Every place that has a release desired or proposed."""
        return read.places(self.deploy.repo.look())

    def proven(self, place: Place) -> frozenset[int]:
        """The releases that once passed smoke in a place."""
        jobs = self.world.marks.read(place).jobs
        done = (JobKind.DONE, JobState.SUCCEEDED)
        return frozenset(job.release for job in jobs if (job.kind, job.state) == done)

    def desired(self, place: Place) -> Desired | None:
        """What a place should run, verified. Raises Refused or UsageError."""
        look = self.deploy.repo.look()
        return read.read(look, self.deploy.verifier, place, self.proven(place))
