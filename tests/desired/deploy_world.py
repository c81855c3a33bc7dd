"""A deploy repo with a signer, a verifier and a journal, and releases to put into it."""

from collections.abc import Mapping
from pathlib import Path

from fairlead.artifact.model import Artifact, Schema
from fairlead.base.ids import CommitId, Digest, Place
from fairlead.base.journal import FACTS, Event, Outcome, Verb
from fairlead.desired import flow, read
from fairlead.desired.flow import Act, Approved, Deploy
from fairlead.desired.model import Desired, Release
from fairlead.desired.ports import DeployRepo, Signer
from fairlead.drivers.deploy_git import GitDeployRepo
from fairlead.drivers.memory_deploy import MemoryDeployRepo
from fairlead.drivers.sshsig import KeySigner, KeyVerifier, machine_key
from fairlead.manifest.model import App, Build, Canary, Environment, Role

STAGING = Place("shop", "staging")
PRODUCTION = Place("shop", "production")
PLAN = Digest(f"sha256:{7:064x}")
OTHER_PLAN = Digest(f"sha256:{8:064x}")
ACT = Act("Ada", "because it is ready", 1_760_000_000.0)

Settings = Mapping[str, Mapping[str, str]]


class Events:
    """A journal that keeps what the real one would refuse to: nothing unknown."""

    def __init__(self) -> None:
        self.all: list[Event] = []

    def write(self, event: Event) -> int:
        assert event.facts.keys() <= FACTS[event.verb], event
        self.all.append(event)
        return len(self.all)

    def outcomes(self, verb: Verb) -> list[Event]:
        return [e for e in self.all if e.verb is verb and e.outcome is not Outcome.INTENT]

    def open(self) -> list[Event]:
        """Intents that no outcome names."""
        closed = {e.intent for e in self.all}
        intents = enumerate(self.all, 1)
        return [e for n, e in intents if e.outcome is Outcome.INTENT and n not in closed]


class World:
    """Production asks for approval, staging does not."""

    def __init__(self, home: Path, *, real: bool = False) -> None:
        self.home = home
        self.machine: KeySigner = machine_key(home / "keys")
        self.verifier = KeyVerifier(home / "keys" / "allowed_signers")
        self.events = Events()
        self.repo: DeployRepo = GitDeployRepo(home / "deploy") if real else MemoryDeployRepo()
        self.deploy = Deploy(self.repo, self.verifier, self.events)
        flow.ensure(self.repo, ACT.now)

    @property
    def memory(self) -> MemoryDeployRepo:
        assert isinstance(self.repo, MemoryDeployRepo)
        return self.repo

    def release(self, number: int, settings: Settings | None = None, app: str = "shop") -> Release:
        pairs = {name: tuple(values.items()) for name, values in (settings or {}).items()}
        return Release(
            app=app,
            number=number,
            artifact=Artifact(
                app,
                CommitId(f"{number:040x}"),
                Digest(f"sha256:{number:064x}"),
                schema=Schema(Digest(f"sha256:{99:064x}")),
            ),
            manifest=App(
                name=app,
                build=Build("python"),
                roles=(Role("web", "serve {socket}", health="/health"),),
                environments=(
                    Environment("staging", branch="main", strategy=Canary()),
                    Environment("production", approval=True),
                ),
            ),
            settings=tuple(pairs.items()),
            verdict=Digest(f"sha256:{3:064x}"),
            made_at="2026-01-01T00:00:00.000000Z",
            made_by="ada",
            subject="A change",
        )

    def publish(self, *numbers: int) -> None:
        for number in numbers:
            flow.publish(self.deploy, self.machine, self.release(number), ACT)

    def propose(self, number: int, place: Place = STAGING) -> str:
        return flow.propose(self.deploy, place, number, ACT, how="release", approval=False)

    def approve(self, by: Signer | bytes | None = None, plan: Digest = PLAN) -> Approved:
        return flow.approve(self.deploy, PRODUCTION, plan, by or self.machine, ACT)

    def desired(
        self, place: Place = STAGING, proven: frozenset[int] = frozenset()
    ) -> Desired | None:
        return read.read(self.repo.look(), self.verifier, place, proven)

    def number(self, place: Place = STAGING, *proven: int) -> int:
        found = self.desired(place, frozenset(proven))
        return found.release.number if found else 0
