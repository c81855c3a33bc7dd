"""The ports a rollout works with, held together."""

from dataclasses import dataclass

from fairlead.base.clock import Clock
from fairlead.base.journal import Journal
from fairlead.rollout.canary import CanaryJudge
from fairlead.rollout.ports import (
    Backups,
    Capacity,
    Commands,
    Files,
    Http,
    Leases,
    MarkStore,
    Proxy,
    Releases,
    Runtime,
    Secrets,
)
from fairlead.rollout.probe import Prober


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that a rollout touches."""

    runtime: Runtime
    proxy: Proxy
    http: Http
    backups: Backups
    capacity: Capacity
    marks: MarkStore
    leases: Leases
    files: Files
    releases: Releases
    commands: Commands
    secrets: Secrets
    journal: Journal
    clock: Clock
    prober: Prober
    canary: CanaryJudge
