"""Where ``fairlead`` starts. Nothing heavy is imported before it is known what is asked."""

import gc
import sys


def main(words: list[str] | None = None) -> int:
    """Run one command; its exit code (0 done, 1 failed, 2 usage, 3 refused, 10 not found,
    11 busy, 12 not allowed, 130 interrupted)."""
    given = sys.argv[1:] if words is None else words
    if given == ["--version"]:
        from fairlead import __version__

        sys.stdout.write(f"fairlead {__version__}\n")
        return 0
    gc.set_threshold(100_000)  # nothing that is imported is garbage: 15 ms of every start
    from fairlead.cli.run import run

    return run(given)
