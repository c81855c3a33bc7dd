"""Times and ids as this command line shows them. ``now`` is seconds since 1970 UTC."""

from datetime import UTC, datetime

from fairlead.base.clock import seconds_of


def clock(at: str, now: float) -> str:
    """An RFC 3339 time as the clock on the wall has it; with its date when that is not today."""
    try:
        then = datetime.fromtimestamp(seconds_of(at), UTC).astimezone()
    except ValueError:
        return at  # edited by hand: shown as it stands
    today = datetime.fromtimestamp(now, UTC).astimezone().date()
    return then.strftime("%H:%M:%S" if then.date() == today else "%Y-%m-%d %H:%M")


def ago(at: str, now: float) -> str:
    """How long since a time, in the words that fit: ``3 min``, ``2 h``, ``5 days``."""
    try:
        seconds = max(0, int(now - seconds_of(at)))
    except ValueError:
        return at
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit != "days" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def commit(text: str) -> str:
    """The first seven digits."""
    return text[:7]


def digest(text: str) -> str:
    """``sha256:`` and the first twelve digits."""
    return text[:19]


def counted(number: int, thing: str) -> str:
    """``1 copy``, ``2 copies``, ``0 entries``."""
    if number == 1:
        return f"1 {thing}"
    many = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number} {many}"
