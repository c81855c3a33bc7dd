"""How a role's traffic is divided: pure, and the same for every proxy that has slots."""

from collections.abc import Sequence

from fairlead.rollout.ports import Upstream

SLOTS = 100
"""Into so many equal parts a role's traffic is divided: a share is exact to one percent."""


def prefix(path: str) -> str:
    """A path as a prefix without a slash at its end: "/api/*" is "/api", and "/" is ""."""
    return "/" + path.strip("/*") if path.strip("/*") else ""


def slots(upstreams: Sequence[Upstream]) -> tuple[str, ...]:
    """Whom each of the ``SLOTS`` belongs to: exact to one percent, well mixed; () for nobody.

    A share above 0 gets at least one slot. At most ``SLOTS`` copies are served.
    """
    served = [upstream for upstream in upstreams if upstream.share > 0][:SLOTS]
    if not served:
        return ()
    counts = _counts(served)
    credit = dict.fromkeys(counts, 0)
    mixed = []
    for _ in range(SLOTS):  # smooth weighted round robin: neighbours differ where they can
        for address, count in counts.items():
            credit[address] += count
        chosen = max(credit, key=lambda address: credit[address])
        credit[chosen] -= SLOTS
        mixed.append(chosen)
    return tuple(mixed)


def _counts(upstreams: Sequence[Upstream]) -> dict[str, int]:
    """Slots per address: the largest remainders get what rounding down left over."""
    total = sum(upstream.share for upstream in upstreams)
    exact = {upstream.address: upstream.share * SLOTS / total for upstream in upstreams}
    counts = {address: max(1, int(share)) for address, share in exact.items()}
    while sum(counts.values()) < SLOTS:
        counts[max(exact, key=lambda a: exact[a] - counts[a])] += 1
    while sum(counts.values()) > SLOTS:
        counts[max(counts, key=lambda a: counts[a] - exact[a] if counts[a] > 1 else -SLOTS)] -= 1
    return counts
