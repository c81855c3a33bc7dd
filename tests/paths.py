"""Test directories that another user may come to."""

from pathlib import Path


def reachable(directory: Path) -> None:
    """Let everybody on their way to a test's own directory; what is above pytest's stays as it is."""
    above = [at for at in directory.parents if at.name.startswith(("pytest-", "popen-"))]
    for at in (directory, *above):
        at.chmod(0o755)
