"""What Fairlead's own questions are told, and the answers to those that need no tree."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fairlead.artifact import flow as artifact
from fairlead.artifact.model import Artifact
from fairlead.artifact.ports import Purpose
from fairlead.base.canonical import digest
from fairlead.base.clock import day, stamp
from fairlead.base.errors import FairleadError, Refused, Unknown
from fairlead.base.ids import Digest, Place
from fairlead.base.room import megabytes
from fairlead.checks.model import Answer, Change, Finding, Reply
from fairlead.checks.ports import Sink, Told
from fairlead.checks.rules import whole_environment
from fairlead.desired import read
from fairlead.desired.model import Client, Desired, Release
from fairlead.manifest.model import App, Check, Environment
from fairlead.manifest.questions import Api, Migrations, Overlays, Plans, Size
from fairlead.plan.explain import explain
from fairlead.plan.model import Halted
from fairlead.service.places import plan_of
from fairlead.service.published import settings_now
from fairlead.service.sealed import secrets_now
from fairlead.service.tools import Tools

CONTRACT = "contract.json"
"""As which the api question keeps a release's contract."""


class _Contract(NamedTuple):
    """A release's API that is in use. ``kept`` is its digest, "" where none was kept."""

    release: int
    kept: str
    served: bool
    clients: tuple[Client, ...]


class Questions:
    """``fairlead.checks.ports.Ours``. ``repository`` holds the change; ``built`` waits for what it
    is built into."""

    def __init__(
        self,
        tools: Tools,
        manifest: App,
        repository: Path,
        built: Callable[[], Artifact],
        show: Sink,
    ) -> None:
        self._tools = tools
        self._manifest = manifest
        self._repository = repository
        self._built = built
        self._show = show

    def key(self, change: Change, check: Check) -> str:
        """See ``Ours``. What moves with the world is asked each time."""
        match check.question:
            case Plans():
                return "" if self._running() else "nothing runs"
            case Overlays():
                look = self._tools.deploy.repo.look()
                overlays = [read.overlay(look, place) for place in read.overlaid(look, change.app)]
                return digest([overlay.digest for overlay in overlays if overlay])
            case Api():
                return digest([msgspec.to_builtins(one) for one in self._contracts(check)])
            case Migrations():
                return digest([str(release.artifact.digest) for release in self._running()])
        return "the tree alone"

    def told(self, change: Change, check: Check, room: Path) -> Told:
        """See ``Ours``."""
        match check.question:
            case Api():
                return self._api(check, room)
            case Migrations():
                return self._migrations(check, room)
        return Told()

    def reply(self, change: Change, check: Check) -> Reply | None:
        """See ``Ours``."""
        match check.question:
            case Overlays():
                return self._overlays(change)
            case Plans():
                return self._plans(change)
            case Size(artifact=most):
                return _size(self._tools, self._built(), most)
        return None

    def _running(self) -> list[Release]:
        """The releases that are desired in any place of the app, each once; first the one that
        went furthest (in the last environment of the manifest)."""
        look, verifier = self._tools.deploy.repo.look(), self._tools.deploy.verifier
        order = [environment.name for environment in self._manifest.environments]
        places = [place for place in read.places(look) if place.app == self._manifest.name]
        places.sort(key=lambda p: order.index(p.environment) if p.environment in order else -1)
        numbers = [read.desired_number(look, place) for place in reversed(places)]
        return [
            read.release(look, verifier, self._manifest.name, number)
            for number in dict.fromkeys(numbers)
            if number
        ]

    # The API's contracts

    def _contracts(self, check: Check) -> list[_Contract]:
        """Those in use, the newest release first: of what runs, and of what clients that are still
        supported were made for."""
        look, verifier = self._tools.deploy.repo.look(), self._tools.deploy.verifier
        app, today = self._manifest.name, day(self._tools.clock.now())
        promised = [c for c in read.clients(look, verifier, app) if c.until >= today]
        running = {release.number: release for release in self._running()}
        found = []
        for number in sorted({*running, *(c.release for c in promised)}, reverse=True):
            release = running.get(number) or read.release(look, verifier, app, number)
            kept = [d for name, what, d in release.kept if (name, what) == (check.name, CONTRACT)]
            clients = tuple(client for client in promised if client.release == number)
            found.append(_Contract(number, "".join(kept[:1]), number in running, clients))
        return found

    def _api(self, check: Check, room: Path) -> Told:
        """The contracts, copied to where the question can read them: what is kept is the home's alone."""
        contracts: list[dict[str, Any]] = []
        for one in self._contracts(check):
            names = ", ".join(f"{client.name} {client.version}" for client in one.clients)
            if names and not one.kept:
                what = f"release {one.release}, which {names} was made for, kept no contract"
                raise Unknown(what, "fairlead clients --help")
            if one.kept:
                clients = [
                    {"name": c.name, "version": c.version, "until": c.until} for c in one.clients
                ]
                path = room / f"{one.release}.json"
                path.write_bytes(self._tools.desk.verdicts.kept(one.kept).read_bytes())
                contracts.append(
                    {
                        "release": one.release,
                        "path": str(path),
                        "clients": clients,
                        "served": one.served,
                    }
                )
        today = day(self._tools.clock.now())
        return Told({"contracts": contracts, "today": today})

    # The releases that run, for migrations

    def _migrations(self, check: Check, room: Path) -> Told:
        migrate = self._manifest.migrate
        laid = [self._laid_out(release, room) for release in self._running()]
        trees = [told.values for told in laid]
        values: dict[str, Any] = {
            "migrate": migrate.command if migrate else "",
            "files": list(migrate.files) if migrate else [],
            "sqlite": self._on_sqlite(check),
            "limit": check.limit / 2,
            "supported": trees[1:],
        }
        if trees:
            values["before"] = trees[0]
        return Told(values, tuple(path for told in laid for path in told.reads))

    def _on_sqlite(self, check: Check) -> bool:
        """Whether every environment that says where its database is says SQLite."""
        assert isinstance(check.question, Migrations)
        name = check.question.setting
        urls = [dict(e.settings).get(name, "") for e in self._manifest.environments]
        said = [url for url in urls if url]
        return bool(said) and all(url.startswith("sqlite") for url in said)

    def _laid_out(self, release: Release, room: Path) -> Told:
        """A release's tree, and what its commands find around it. HOME and TMPDIR are those of the
        check, which lie beside its room."""
        tools, built, build = self._tools, release.artifact, release.manifest.build
        tree = room / f"release-{release.number}"
        tools.repositories.lay_out(tools.home.repository(release.app), built.source, tree)
        around = artifact.surroundings(tools.shop, tree, build, Purpose.WORK, self._show)
        asked = [c.question for c in release.manifest.checks if isinstance(c.question, Migrations)]
        migrate, own = release.manifest.migrate, room.parent
        whole = whole_environment(around, str(tree), str(own / "home"), str(own / "tmp"))
        values = {
            "release": release.number,
            "commit": built.commit,
            "tree": str(tree),
            "environment": whole,
            "migrate": migrate.command if migrate else "",
            "tests": asked[0].tests if asked else "",
            "smoke": [s.command for s in release.manifest.smokes if s.command],
        }
        return Told(values, (around.path,) if around.path else ())

    # What needs no tree

    def _overlays(self, change: Change) -> Reply:
        look, merge = self._tools.deploy.repo.look(), self._tools.repositories.laid_over
        # With an overlay laid over it already, what is asked about is the commit below.
        commit = change.commit if change.overlay else change.source
        conflicts: list[Finding] = []
        unknown: list[Finding] = []
        tried: list[str] = []
        for place in read.overlaid(look, change.app):
            overlay = read.overlay(look, place)
            assert overlay is not None  # it was just listed
            tried.append(place.environment)
            try:
                merge(self._repository, commit, overlay.base, overlay.patch)
            except Refused as error:
                found = Finding("overlays.conflict", error.what, subject=str(place))
                conflicts.append(msgspec.structs.replace(found, hint=error.hint))
            except FairleadError as error:
                unknown.append(Finding("overlays.unknown", error.what, subject=str(place)))
        if conflicts:
            why = f"{len(conflicts)} of {len(tried)} do not apply"
            return Reply(Answer.FAILED, why, (*conflicts, *unknown))
        if unknown:
            return Reply(Answer.NOT_KNOWN, unknown[0].message, tuple(unknown))
        if not tried:
            return Reply(Answer.NOT_APPLICABLE, "no environment lays anything over the code")
        return Reply(Answer.PASSED, f"applies in {', '.join(tried)}")

    def _plans(self, change: Change) -> Reply:
        facts: list[tuple[str, str]] = []
        findings: list[Finding] = []
        halts: list[Finding] = []
        if not self._running():
            why = (
                f"nothing of {change.app} was released from here, so there is nothing to plan from"
            )
            return Reply(Answer.NOT_APPLICABLE, why)
        for environment in self._manifest.environments:
            place = Place(self._manifest.name, environment.name)
            try:
                plan = plan_of(self._tools, self._wanted(place, environment, change))
            except FairleadError as error:
                findings.append(Finding("plans.none", error.what, subject=environment.name))
                continue
            for line in explain(plan):
                self._show(f"{environment.name}: {line}")
            facts.append((environment.name, plan.digest))
            if isinstance(plan.ends, Halted):
                halts.append(Finding("plans.halts", plan.ends.sentence, subject=environment.name))
        if halts:
            why = f"it would not go in {', '.join(finding.subject for finding in halts)}"
            return Reply(Answer.FAILED, why, (*halts, *findings), tuple(facts))
        if findings:
            why = f"no plan for {', '.join(finding.subject for finding in findings)}"
            return Reply(Answer.NOT_KNOWN, why, tuple(findings), tuple(facts))
        said = ", ".join(f"{name} {value[:19]}" for name, value in facts)
        return Reply(Answer.PASSED, said, facts=tuple(facts))

    def _wanted(self, place: Place, environment: Environment, change: Change) -> Desired:
        """What would be asked for there, were the change released now."""
        look = self._tools.deploy.repo.look()
        release = Release(
            app=place.app,
            number=read.next_number(look, place.app),
            artifact=self._built(),
            manifest=self._manifest,
            settings=settings_now(self._tools, self._manifest),
            secrets=secrets_now(look, self._manifest),
            verdict=Digest(""),
            made_at=stamp(self._tools.clock.now()),
            made_by=change.who,
            subject=change.subject,
        )
        previous = read.desired_number(look, place)
        return Desired(place, look.head, release, environment.strategy, previous=previous)


def _size(tools: Tools, built: Artifact, most: int) -> Reply:
    found = tools.shop.store.get(built.digest)
    if found is None:
        return Reply(Answer.NOT_KNOWN, "what was built is gone")
    facts = (("bytes", str(found.bytes)),)
    said = megabytes(found.bytes)
    if most and found.bytes > most:
        why = f"{said} were built, and at most {megabytes(most)} may be"
        return Reply(Answer.FAILED, why, (Finding("size.artifact", why),), facts)
    return Reply(Answer.PASSED, f"{said} were built", facts=facts)
