"""Running an installer, and naming what it makes."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fairlead.artifact.ports import Install
from fairlead.base.canonical import digest
from fairlead.base.errors import FairleadError
from fairlead.base.trees import remove_tree
from fairlead.checks.ports import Command, Exit, Runner, Sink

# An installer reaches for a registry: it needs the person's way there. Checks and builds do not
# get these; they may hold credentials.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
_PASSED = ("PATH", "HOME", *_CERTIFICATES)
_PASSED_PREFIXES = ("UV_", "NPM_CONFIG_", "XDG_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_LAST = 6


def key_of(parts: Mapping[str, str]) -> str:
    """A short name for dependencies made from exactly these parts: 32 hex digits."""
    return digest(dict(parts)).removeprefix("sha256:")[:32]


def digest_of_file(path: Path) -> str:
    """The hex sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installer_environment(around: Mapping[str, str]) -> dict[str, str]:
    """What an installer gets to see of our own environment."""
    found = {"LANG": "C.UTF-8", "NO_COLOR": "1", "CI": "1", "HOME": "/nonexistent"}
    for name, value in around.items():
        upper = name.upper()
        if name in _PASSED or upper in _PROXIES or upper.startswith(_PASSED_PREFIXES):
            found[name] = value
    return {"PATH": os.defpath, **found}


class Scratch(NamedTuple):
    """What one installation has beside the directory it fills.

    ``cache`` holds downloads. Where ``home`` is "", the cache is the toolchain's, the same for
    all installations, and the person's own home applies. Else both are of this installation
    alone and go with it: an installer runs code of packages, as the user that all installers
    run as, and what it left in a cache or a home would be in the next one's way.
    """

    cache: str
    home: str = ""


@contextmanager
def scratch(cache: Path | None, directory: Path) -> Iterator[Scratch]:
    """The scratch of an installation into ``directory``; ``cache`` is None for its own."""
    if cache is not None:
        yield Scratch(str(cache))
        return
    own = directory / ".scratch"
    for name in ("cache", "home"):
        (own / name).mkdir(parents=True)
    try:
        yield Scratch(str(own / "cache"), str(own / "home"))
    finally:
        remove_tree(own)


def personal(scratch: Scratch) -> dict[str, str]:
    """The variables by which an installer finds a home of its own, if it is to have one."""
    if not scratch.home:
        return {}
    kinds = ("CACHE", "CONFIG", "DATA", "STATE")
    below = {f"XDG_{kind}_HOME": f"{scratch.home}/{kind.lower()}" for kind in kinds}
    return {**below, "HOME": scratch.home, "TMPDIR": scratch.cache}


def install(
    runner: Runner, job: Install, argv: tuple[str, ...], environment: Mapping[str, str],
    directory: Path, show: Sink,
) -> None:  # fmt: skip
    """Run one installer. Raises FairleadError with the last lines it said."""
    last: deque[str] = deque(maxlen=_LAST)

    def heard(line: str) -> None:
        last.append(line)
        show(line)

    certificates = (environment.get(name, "") for name in _CERTIFICATES)
    command = Command(
        argv,
        str(directory),
        environment,
        job.limit,
        job.log,
        writes=(str(job.directory),),
        reads=(str(job.tree), *certificates),
    )
    end = runner.run(command, heard)
    if not end.well:
        said = " ".join(last) or end.detail
        raise FairleadError(
            f"the dependencies could not be installed: {job.recipe.lock}: {_why(end, job)}: {said}",
            f"the whole output is in {job.log}",
        )


def _why(end: Exit, job: Install) -> str:
    if end.timed_out:
        return f"not ended after {job.limit} s"
    if not end.started:
        return "could not be started"
    return f"killed by signal {end.signal}" if end.signal else f"exit {end.code}"
