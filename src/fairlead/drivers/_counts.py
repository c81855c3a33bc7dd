"""How many requests ended, by the sizes of two files.

The proxy appends the same few bytes to the first for every request, and to the second for every
answer of 5xx. Reading is asking for two sizes, whatever the traffic, and nothing is kept about who
asked for what. nginx's one byte makes 26 MB a day of 300 requests a second; past ``LIMIT`` the
count begins anew.
"""

from pathlib import Path

from fairlead.base.errors import Unknown
from fairlead.rollout.ports import Counters

LIMIT = 64 * 1024 * 1024  # bytes
COUNT_ALL, COUNT_FAILED = "count.all", "count.failed"
SINCE = "count.since"


def begin(directory: Path, now: float) -> None:
    """Make sure that there is something to count with. Raises OSError."""
    files = [directory / COUNT_ALL, directory / COUNT_FAILED]
    since = directory / SINCE
    whole = since.exists() and all(path.exists() for path in files)
    if whole and files[0].stat().st_size < LIMIT:
        return
    since.unlink(missing_ok=True)
    for path in files:
        path.touch(0o644)
        # The proxy appends (O_APPEND), so its next byte is the first.
        path.open("wb").close()
    since.write_text(f"{now}\n")


def read(directory: Path, size: int = 1) -> Counters:
    """The counts, of ``size`` bytes each. Raises Unknown where a place was counted and its files
    are gone."""
    since = directory / SINCE
    try:
        at = float(since.read_text())
        # Failures first, so that there are never more of them than requests.
        failed = (directory / COUNT_FAILED).stat().st_size
        return Counters((directory / COUNT_ALL).stat().st_size // size, failed // size, at)
    except (OSError, ValueError) as error:
        if not directory.exists() or not any(directory.glob("count.*")):
            return Counters(0, 0, 0.0)
        raise Unknown(f"the proxy's counts cannot be read: {error}") from error
