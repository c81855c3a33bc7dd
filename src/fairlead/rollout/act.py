"""Carrying one step out. Every act is safe to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import Place
from fairlead.base.journal import Fact
from fairlead.desired.model import Desired, Release
from fairlead.manifest.model import Environment, Role
from fairlead.plan.model import (
    CopyId,
    DropRoute,
    EndStray,
    Prepare,
    Restore,
    SetRoute,
    Start,
    Step,
    Stop,
)
from fairlead.rollout.jobs import Jobs
from fairlead.rollout.ports import AssetRoot, Upstream
from fairlead.rollout.reach import site_of
from fairlead.rollout.rules import kept_assets, launch_of, role_of
from fairlead.rollout.world import World


@dataclass(frozen=True, slots=True)
class Said:
    """What is worth saying of a step that was done, and the facts it adds to the record."""

    text: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Actor:
    """Carries out the steps of one rollout, under one lease's fencing token."""

    world: World
    place: Place
    wanted: Desired | None
    token: int

    def act(self, step: Step, intent: int) -> Said:
        """Do it; what is worth saying of it. Raises FairleadError when it was not done.

        ``intent`` is the record's entry that announced it.
        """
        match step:
            case Stop(copy=copy):
                self.world.runtime.stop(self.place, copy, self._takes_over(copy.role))
            case DropRoute(role=role):
                self.world.proxy.remove(self.place, role)
            case EndStray(pid=pid):
                self.world.runtime.end_stray(self.place, pid)
            case Prepare():
                self._prepare()
            case Restore():
                return Said(", ".join(self.world.files.restore(self._release())))
            case Start(copy=copy):
                return Said(facts={"pid": self._start(copy)})
            case SetRoute(role=role, shares=shares):
                self._route(role, shares)
            case _:
                jobs = Jobs(self.world, self.place, self.token)
                return Said(jobs.run(step, self._desired(), intent))
        return Said()

    def _desired(self) -> Desired:
        if self.wanted is None:
            raise Refused(f"no release is desired at {self.place}", "fairlead status")
        return self.wanted

    def _release(self) -> Release:
        return self._desired().release

    def _role(self, name: str) -> Role:
        role = role_of(self._release(), name)
        if role is None:
            raise NotFound(f"no such role in release {self._release().number}: {name}")
        return role

    def _takes_over(self, name: str) -> bool:
        """Whether the next copy of a role is handed the socket of the one before."""
        role = role_of(self.wanted.release, name) if self.wanted else None
        return role is not None and role.socket

    def _environment(self) -> Environment | None:
        return self._release().manifest.environment(self.place.environment)

    def _refuse_taken_domains(self) -> None:
        """Before anything is done for a release that could not be routed to."""
        environment = self._environment()
        if environment is None or self.world.files.public() is None:
            return
        for name, other in self.world.proxy.holders(environment.domains).items():
            if other != self.place:
                raise Refused(
                    f"{self.place} cannot have the domain {name}: {other} has it",
                    f"take it out of `domains` of {self.place}, or of {other} and release that",
                )

    def _prepare(self) -> None:
        self._refuse_taken_domains()
        self.world.secrets.values(self.place, self._release())  # what cannot be opened is said now
        self.world.files.lay_out(self.place, self._release())
        prepared = {*self.world.marks.read(self.place).prepared, self._release().number}
        self.world.marks.put_prepared(self.place, tuple(sorted(prepared)), self.token)

    def _start(self, copy: CopyId) -> int:
        """The process id of the copy, 0 when it is gone already."""
        role, files = self._role(copy.role), self.world.files
        laid = files.laid(self.place, self._release())
        by_port = "{port}" in role.command
        address = files.address(self.place, copy, by_port, role.socket) if role.serves else ""
        log = files.log(self.place, f"{copy.role}.{copy.number}")
        secrets = self.world.secrets.values(self.place, self._release())
        launch = launch_of(self.place, self._release(), role, copy, address, laid, log, secrets)
        if role.socket:
            self._show_assets(copy)
        self.world.runtime.start(launch)
        return next((p.pid for p in self.world.runtime.processes(self.place) if p.copy == copy), 0)

    def _turn_away(self, name: str) -> None:
        """Serve the maintenance page for a role of a place where no release is desired."""
        for seen in self.world.proxy.sites(self.place):
            if seen.site.role == name:
                empty = msgspec.structs.replace(seen.site, upstreams=())
                self.world.proxy.put(empty, self.world.clock.now())

    def _show_assets(self, copy: CopyId) -> None:
        """Before a copy that is handed the socket of the one before: requests that wait there are
        its own as soon as it runs, and the files that its pages name are to be found by then."""
        for seen in self.world.proxy.sites(self.place):
            if seen.site.role == copy.role and seen.site.upstreams and not seen.edited:
                more = msgspec.structs.replace(seen.site, assets=self._assets([copy.release]))
                self.world.proxy.put(more, self.world.clock.now())

    def _route(self, name: str, shares: tuple[tuple[CopyId, int], ...]) -> None:
        if self.wanted is None:
            self._turn_away(name)
            return
        role = self._role(name)
        addresses = {p.copy: p.address for p in self.world.runtime.processes(self.place)}
        gone = [str(copy) for copy, _ in shares if not addresses.get(copy)]
        if gone:
            raise Refused(f"no address to route to: {', '.join(gone)}", "fairlead status")
        files, environment = self.world.files, self._environment()
        site = msgspec.structs.replace(
            site_of(self.place, role, environment, files.listen(self.place), files.public()),
            upstreams=tuple(Upstream(copy, addresses[copy], share) for copy, share in shares),
            assets=self._assets([copy.release for copy, _ in shares]),
        )
        try:
            self.world.proxy.put(site, self.world.clock.now())
        except Refused:
            # Between picking a free address and now somebody else may have taken it. While
            # nobody was told of it, another is as good; the step is tried again with that.
            if not self.world.proxy.sites(self.place):
                self.world.files.move(self.place, self._release())
            raise

    def _assets(self, serving: list[int]) -> tuple[AssetRoot, ...]:
        """The files of the releases that will serve, then of those that serve or served lately.

        A page that an older release served still finds what it names (promise 2).
        """
        sites = self.world.proxy.sites(self.place)
        now = [up.copy.release for seen in sites for up in seen.site.upstreams]
        lately = kept_assets(self.world.marks.read(self.place).jobs, self.world.clock.now())
        numbers = [*sorted(set(serving), reverse=True), *sorted(set(now), reverse=True)]
        ordered = dict.fromkeys([*numbers, *(number for number, _ in lately)])
        ages = dict(lately)
        roots = [self._root(number, ages.get(number, 0.0)) for number in ordered]
        return tuple(root for root in roots if root)

    def _root(self, number: int, replaced_for: float) -> AssetRoot | None:
        """Where a release's assets are; None when it has none or their time is over."""
        release = self.world.releases.get(self.place.app, number)
        assets = release.manifest.build.assets if release else None
        if release is None or assets is None or replaced_for > assets.keep:
            return None
        return AssetRoot(assets.url, self.world.files.laid(self.place, release).assets)
