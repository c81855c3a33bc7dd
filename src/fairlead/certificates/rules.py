"""When a certificate is due, when to try again, and how it is said. Pure."""

from collections.abc import Sequence

from fairlead.certificates.model import Fault, Held

DAY = 86_400.0
FIRST_WAIT = 120.0
LONGEST_WAIT = 12 * 3600.0
"""Seconds between two tries. Five fall into the first hour, which is what Let's Encrypt allows of
failed ones for a name and hour (letsencrypt.org/docs/rate-limits)."""

LOOK_EVERY = 3600.0


def renew_at(held: Held) -> float:
    """When a third of its time is left (letsencrypt.org/docs/integration-guide: 30 days of 90)."""
    return held.ends - (held.ends - held.begins) / 3


def soon(held: Held, now: float) -> bool:
    """Whether it ends so soon that renewing it must have failed for long: a sixth is left."""
    return held.ends - now < (held.ends - held.begins) / 6


def why_due(names: Sequence[str], held: Held | None, now: float) -> str:
    """Why a certificate is to be got now; "" when none is."""
    if held is None:
        return "there is none yet"
    missing = [name for name in names if name not in held.names]
    if missing:
        return f"there is none for {', '.join(missing)} yet"
    if now < renew_at(held):
        return ""
    return f"it {'ended' if held.ends < now else 'ends in'} {days(held, now)}"


def try_at(fault: Fault | None) -> float:
    """When the next try may be: each wait is twice the one before."""
    if fault is None:
        return 0.0
    return fault.at + min(LONGEST_WAIT, FIRST_WAIT * float(1 << min(fault.times, 20) - 1))


def days(held: Held, now: float) -> str:
    """How long it holds, in words."""
    left = held.ends - now
    if left < 0:
        return f"{-left / DAY:.0f} days ago"
    return f"{left / DAY:.0f} days" if left >= 2 * DAY else f"{left / 3600:.0f} hours"


def sentence(names: Sequence[str], held: Held | None, fault: Fault | None, now: float) -> str:
    """How it stands with the certificate for names."""
    why = f"; {fault.what}" if fault else ""
    if held is None:
        return f"no certificate yet: plain requests only{why}"
    missing = [name for name in names if name not in held.names]
    if missing:
        return f"no certificate yet for {', '.join(missing)}{why}"
    if held.ends < now:
        return f"the certificate ended {days(held, now)}{why}"
    late = "; nobody renewed it" if soon(held, now) else ""
    return f"the certificate holds for {days(held, now)}{why or late}"
