"""The whole way: the decision and its effect, one after the other, until it settles."""

import msgspec

from fairlead.base.canonical import digest
from fairlead.desired.model import Desired
from fairlead.plan.effect import effect, hope
from fairlead.plan.model import Halted, Observed, Plan, Settled, Waiting, Wave
from fairlead.plan.next_wave import next_wave

LONGEST = 2_000
"""Decisions after which an unfold is cut: far beyond any real plan."""


def unfold(wanted: Desired, seen: Observed) -> Plan:
    """The plan: every wave in order if all goes well. Raises RuntimeError past ``LONGEST``."""
    waves: list[Wave] = []
    for _ in range(LONGEST):
        decision = next_wave(wanted, seen)
        match decision:
            case Wave(steps=steps):
                waves.append(decision)
                for step in steps:
                    seen = effect(step, seen, wanted)
            case Waiting(until=until):
                later = msgspec.structs.replace(hope(seen, wanted), now=max(seen.now, until))
                if later == seen:
                    return _plan(wanted, waves, decision)
                seen = later
            case _:
                return _plan(wanted, waves, decision)
    raise RuntimeError(f"the plan of {wanted.place} does not settle within {LONGEST} decisions")


def _plan(wanted: Desired, waves: list[Wave], ends: Settled | Waiting | Halted) -> Plan:
    """Binds the release as a whole and every step, but no time and no sentence."""
    steps = [[_bare(step) for step in wave.steps] for wave in waves]
    bound = {
        "place": list(wanted.place),
        "release": msgspec.to_builtins(wanted.release),
        "strategy": msgspec.to_builtins(wanted.strategy),
        "waves": steps,
        "ends": type(ends).__name__.lower(),
    }
    number, artifact = wanted.release.number, wanted.release.artifact.digest
    return Plan(wanted.place, number, artifact, tuple(waves), ends, digest(bound))


def _bare(step: msgspec.Struct) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(step)
    plain.pop("why")
    return plain
