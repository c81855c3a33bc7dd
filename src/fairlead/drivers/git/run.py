"""Git, run so that only the repository and the arguments decide what it does."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from fairlead.base.door import QUARANTINE
from fairlead.base.errors import FairleadError, NotFound, Unknown
from fairlead.base.text import printable

_LIMIT = 120
NOWHERE: Mapping[str, str] = {}


def git(
    repository: Path,
    *arguments: str,
    feed: IO[bytes] | None = None,
    quarantine: Mapping[str, str] = NOWHERE,
) -> bytes:
    """What ``git --git-dir REPOSITORY ARGUMENTS`` prints. Raises FairleadError when it fails."""
    try:
        done = subprocess.run(
            ["git", f"--git-dir={repository}", *arguments],
            env=hermetic(repository, quarantine),
            stdin=feed or subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT,
            check=False,
        )
    except FileNotFoundError:
        raise missing() from None
    except subprocess.TimeoutExpired:
        raise Unknown(f"git {arguments[0]} gave no answer in {_LIMIT} s: {repository}") from None
    if done.returncode:
        raise failed(repository, arguments[0], done.stderr)
    return done.stdout


def missing() -> FairleadError:
    """The error of a machine without git."""
    return NotFound("git is not installed", "apt install git")


def failed(repository: Path, verb: str, said: bytes) -> FairleadError:
    """What git said, as an error."""
    lines = [printable(line) for line in said.decode(errors="replace").splitlines()]
    return FairleadError(
        f"git {verb} failed: {repository}: {' '.join(lines) or 'it said nothing'}",
        f"look at it: git --git-dir {repository} fsck",
    )


def hermetic(repository: Path, quarantine: Mapping[str, str] = NOWHERE) -> dict[str, str]:
    """The environment git runs in: nobody's settings, templates, filters, replacements, prompts.

    While a push is received its objects are in quarantine (git-receive-pack(1)); the variables
    that lead there are passed on, and only to the repository they belong to.
    """
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_TEMPLATE_DIR": "",
    }
    lies = quarantine.get("GIT_QUARANTINE_PATH")
    if lies and Path(lies).resolve().is_relative_to(repository.resolve()):
        found |= {name: quarantine[name] for name in QUARANTINE if name in quarantine}
    return found
