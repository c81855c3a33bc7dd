"""The report of a mistake in Fairlead: a file to send to us."""

import os
import platform
import tempfile
import time
import traceback
from pathlib import Path

from fairlead import __version__


def report(error: Exception, words: list[str]) -> str:
    """Write what is needed to find the mistake; the file's path.

    It names the command and its options, not their values: those may be somebody's own.
    """
    directory = _directory(words)
    name = time.strftime("mistake-%Y%m%dT%H%M%S-", time.gmtime())
    handle, path = tempfile.mkstemp(prefix=name, suffix=".txt", dir=directory)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"fairlead {__version__}, Python {platform.python_version()}\n")
        file.write(f"{platform.platform()}\n")
        file.write(f"fairlead {' '.join(_bare(word) for word in words)}\n\n")
        file.write("".join(traceback.format_exception(error)))
    return path


def _bare(word: str) -> str:
    if word.startswith("--"):
        return word.partition("=")[0]
    return word if word.isalpha() and len(word) < 12 else "…"


def _directory(words: list[str]) -> str | None:
    """The home's logs, when there is a home; else the system's place for such files."""
    given = next((w for at, w in enumerate(words) if at and words[at - 1] == "--home"), "")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    home = Path(given or os.environ.get("FAIRLEAD_HOME") or f"{state}/fairlead").expanduser()
    logs = home / "logs"
    usable = logs.is_dir() and os.access(logs, os.W_OK)
    return str(logs.absolute()) if usable else None
