"""The hand-made units, stopped and started: systemctl(1)."""

import subprocess
from collections.abc import Sequence

from fairlead.base.errors import FairleadError, Unknown

LIMIT = 120  # seconds: a unit may take 90 to stop


class HandMade:
    """The port ``Units`` of the adoption."""

    def active(self, units: Sequence[str]) -> tuple[str, ...]:
        """See ``fairlead.adopt.ports.Units``."""
        return _those("is-active", units, ("active", "activating", "reloading"))

    def enabled(self, units: Sequence[str]) -> tuple[str, ...]:
        """See ``fairlead.adopt.ports.Units``."""
        return _those("is-enabled", units, ("enabled",))

    def stop(self, units: Sequence[str]) -> None:
        """See ``fairlead.adopt.ports.Units``. Sockets first, lest they start what is stopped."""
        if units:
            ordered = sorted(units, key=lambda unit: not unit.endswith(".socket"))
            _must("stop", *ordered)
            _must("disable", *ordered)

    def start(self, units: Sequence[str], enable: Sequence[str]) -> None:
        """See ``fairlead.adopt.ports.Units``."""
        if enable:
            _must("enable", *enable)
        if units:
            _must("start", *sorted(units, key=lambda unit: not unit.endswith(".socket")))


def _those(question: str, units: Sequence[str], answers: Sequence[str]) -> tuple[str, ...]:
    """The units of which systemd says one of the answers: a line for each, in their order."""
    said = _run(question, "--", *units).stdout.split() if units else []
    if len(said) != len(units):
        raise Unknown(f"systemd did not say whether {', '.join(units)} run", "systemctl status")
    return tuple(unit for unit, word in zip(units, said, strict=True) if word in answers)


def _must(verb: str, *units: str) -> None:
    done = _run(verb, "--", *units)
    if done.returncode:
        said = done.stderr.strip().partition("\n")[0]
        raise FairleadError(f"systemctl {verb} failed: {said}", f"systemctl status {units[0]}")


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["systemctl", *words], capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unknown(f"systemd could not be asked: {error}", "systemctl status") from error
