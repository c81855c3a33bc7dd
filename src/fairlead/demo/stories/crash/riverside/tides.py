"""Where the sea's tides come from; they reach up to Ferry Stairs."""

import os

SOURCE = os.environ["TIDES_URL"]


def describe() -> str:
    """One line for the log."""
    return f"tides from {SOURCE}"
