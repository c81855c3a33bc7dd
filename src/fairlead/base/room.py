"""How much of a disk is left alone: pure, and the same before a build and before a rollout."""

MOST_KEPT = 256 * 1024 * 1024
"""Bytes: so much is enough for the record, the logs and a database to go on with."""
PART_KEPT = 20
"""Of a small file system no more than one part in so many."""
FEWEST_FILES = 1_000
"""Files that a file system must still be able to hold: a release of links, sockets, logs."""


def kept_free(size: int) -> int:
    """The bytes that stay free of a file system of ``size`` bytes."""
    return min(MOST_KEPT, size // PART_KEPT)


def megabytes(count: int) -> str:
    """Bytes as people say them: ``380 MB``, ``1,900 MB``; less than one as ``0.4 MB``."""
    whole = count / 1024**2
    return f"{whole:,.0f} MB" if whole >= 1 or not count else f"{max(0.1, whole):.1f} MB"
