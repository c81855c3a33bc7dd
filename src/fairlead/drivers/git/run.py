"""Git, run so that only the repository and the arguments decide what it does."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairlead.base.door import QUARANTINE
from fairlead.base.errors import FairleadError, NotFound, Unknown
from fairlead.base.text import printable

_LIMIT = 120
NOWHERE: Mapping[str, str] = {}


def git(
    repository: Path,
    *arguments: str,
    feed: bytes = b"",
    quarantine: Mapping[str, str] = NOWHERE,
    also: Mapping[str, str] = NOWHERE,
) -> bytes:
    """What ``git --git-dir REPOSITORY ARGUMENTS`` prints; ``also`` is added to its environment.

    Raises FairleadError when it fails.
    """
    done = tried(repository, *arguments, feed=feed, quarantine=quarantine, also=also)
    if done.returncode:
        raise failed(repository, arguments[0], done.stderr)
    return done.stdout


def tried(
    repository: Path,
    *arguments: str,
    feed: bytes = b"",
    quarantine: Mapping[str, str] = NOWHERE,
    also: Mapping[str, str] = NOWHERE,
) -> "subprocess.CompletedProcess[bytes]":
    """The same where an exit code is an answer. Raises NotFound without git, Unknown when it
    hangs."""
    try:
        return subprocess.run(
            ["git", f"--git-dir={repository}", *arguments],
            env={**hermetic(repository, quarantine), **also},
            input=feed,
            capture_output=True,
            timeout=_LIMIT,
            check=False,
            **as_owner(repository),
        )
    except FileNotFoundError:
        raise missing() from None
    except subprocess.TimeoutExpired:
        raise Unknown(f"git {arguments[0]} gave no answer in {_LIMIT} s: {repository}") from None


def as_owner(repository: Path) -> dict[str, Any]:
    """How a process becomes the repository's owner, where we are root and it is another's.

    Git refuses somebody else's repository (git-config(1), safe.directory), and rightly: root
    would run what its owner wrote into its settings, and leave files that the owner cannot
    change. One that is not there yet will be of its parent's owner.
    """
    if os.geteuid() != 0:
        return {}
    found = (repository if repository.exists() else repository.parent).stat()
    if found.st_uid == 0:
        return {}
    # Where we stand may be closed to them.
    return {"user": found.st_uid, "group": found.st_gid, "extra_groups": [], "cwd": "/"}


@contextmanager
def owned_directory(repository: Path, prefix: str, where: Path | None = None) -> Iterator[Path]:
    """A directory that git may write to, whomever it runs as (``as_owner``); gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=where) as made:
        owner = as_owner(repository)
        if owner:
            os.chown(made, owner["user"], owner["group"])
        yield Path(made)


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
