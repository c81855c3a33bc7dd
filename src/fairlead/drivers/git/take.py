"""Taking a commit over from another repository of this machine.

The two may belong to different people, and git looks into nobody else's: so one git packs it
as the clone's owner, and another takes it up as the repository's, with a pipe between them.
"""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from fairlead.base.errors import Unknown
from fairlead.base.ids import CommitId
from fairlead.drivers.git.capture import git_directory
from fairlead.drivers.git.run import NOWHERE, as_owner, failed, git, hermetic, missing, tried

LIMIT = 600
"""Seconds for all of it."""


def take(repository: Path, clone: Path, commit: CommitId, ref: str) -> None:
    """See ``fairlead.service.ports.Repositories``; ``ref`` keeps it alive."""
    there = tried(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if there.returncode:
        copy(git_directory(clone), repository, (commit,))
        git(repository, "update-ref", ref, commit)


def copy(
    origin: Path, to: Path, revisions: Iterable[str], quarantine: Mapping[str, str] = NOWHERE
) -> None:
    """Let a repository have these revisions of another, which may lie in its quarantine, and all
    they are made of; of ``^REVISION`` it has everything (git-pack-objects(1), --revs)."""
    words = ("pack-objects", "--revs", "--thin", "--stdout", "--quiet")
    packing = _git(origin, *words, feed=subprocess.PIPE, quarantine=quarantine)
    taking = _git(to, "index-pack", "--stdin", "--fix-thin", feed=packing.stdout)
    with packing, taking:
        assert packing.stdin is not None
        assert packing.stdout is not None
        packing.stdout.close()  # only the taking end holds it now
        packing.stdin.write("".join(f"{revision}\n" for revision in revisions).encode())
        packing.stdin.close()
        try:
            taking.wait(LIMIT)
            packing.wait(LIMIT)
        except subprocess.TimeoutExpired:
            packing.kill()
            taking.kill()
            raise Unknown(f"the commit was not taken over in {LIMIT} s: {origin}") from None
        for process, where in ((packing, origin), (taking, to)):
            if process.returncode:
                said = process.stderr.read() if process.stderr else b""
                raise failed(where, "pack-objects" if where == origin else "index-pack", said)


def _git(
    directory: Path,
    *words: str,
    feed: int | IO[bytes] | None,
    quarantine: Mapping[str, str] = NOWHERE,
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            ["git", f"--git-dir={directory}", *words],
            env=hermetic(directory, quarantine),
            stdin=feed,
            stdout=subprocess.PIPE if words[0] == "pack-objects" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **as_owner(directory),
        )
    except FileNotFoundError:
        raise missing() from None
