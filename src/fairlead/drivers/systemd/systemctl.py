"""Asking systemd, by systemctl(1).

A process per call: 7 ms, in C, and no library that Fairlead would have to carry. One ``show`` of
any number of units costs the same.
"""

import subprocess
from collections.abc import Iterable, Mapping

from fairlead.base.errors import FairleadError, Unknown

LIMIT = 60.0
"""Seconds a call may take. Starting a unit waits for its exec(2), in a new mount namespace."""
_HINT = "systemctl status"

Properties = Mapping[str, str]


class Declined(FairleadError):
    """systemd answered, and the answer is no."""


def show(units: Iterable[str], properties: tuple[str, ...]) -> dict[str, Properties]:
    """Properties of units by their name, of those that are not there too. Raises Unknown.

    Times are in UTC with microseconds.
    """
    wanted = list(units)
    if not wanted:
        return {}
    asked = f"--property={','.join(('Id', *properties))}"
    blocks = _told("show", "--timestamp=us+utc", asked, "--", *wanted).split("\n\n")
    seen = [dict(_pairs(block)) for block in blocks if block.strip()]
    # An alias has another Id than the name it was asked by; ours have none.
    if [one.get("Id") for one in seen] != wanted:
        raise Unknown("systemd's answer is not about the units it was asked for", _HINT)
    return dict(zip(wanted, seen, strict=True))


def _pairs(block: str) -> Iterable[tuple[str, str]]:
    for line in block.splitlines():
        name, _, value = line.partition("=")
        yield name, value


def stopping() -> bool:
    """Whether the machine is on its way down. Raises Unknown."""
    return _told("show", "--property=SystemState", "--value").strip() == "stopping"


def start(unit: str) -> None:
    """Start a unit; its process exists on return. Raises Declined, Unknown."""
    _told("start", "--", unit)


def begin(unit: str) -> None:
    """Have a unit started. Does not wait."""
    _told("start", "--no-block", "--", unit)


def stop(unit: str) -> None:
    """Have a unit stopped. Does not wait; one that is not there is fine."""
    _told("stop", "--no-block", "--", unit, missing=5)


def forget_failure(unit: str) -> None:
    """A unit that failed counts as stopped; one that is not there is fine."""
    _told("reset-failed", "--", unit, missing=1)


def reload() -> None:
    """Have all unit files read again (90 ms on a machine with 200 units)."""
    _told("daemon-reload")


def _told(*argv: str, missing: int = 0) -> str:
    """What systemctl printed. ``missing`` is its exit code for a unit that is not loaded."""
    try:
        ran = subprocess.run(
            ["systemctl", "--no-ask-password", *argv],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unknown(f"systemd gave no answer: {error}", _HINT) from error
    said = " ".join(ran.stderr.split())
    if ran.returncode and ("Failed to connect" in said or "not been booted" in said):
        raise Unknown(f"systemd gave no answer: {said}", _HINT)
    if ran.returncode in (0, missing):
        return ran.stdout
    raise Declined(f"systemd refused: {said}", _HINT)
