"""Merging two commits into a tree, without a work tree (git-merge-tree(1), from git 2.38)."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.text import printable
from fairlead.drivers.git.run import failed, git, tried

_NAME, _EMAIL = "Fairlead", "fairlead@localhost"
_OLDEST = (2, 38)
_MOST_LINES = 40
"""Lines of conflicts that are shown; the rest are counted."""


class Sides(NamedTuple):
    """What is merged into a commit, as an error names it, and what to do about a conflict."""

    ours: str
    hint: str


def merged(
    repository: Path, onto: CommitId, commit: CommitId, quarantine: Mapping[str, str]
) -> CommitId:
    """What a branch that is at ``onto`` would be with ``commit`` merged into it: a commit, the
    same each time. ``commit`` itself where it has ``onto`` already. Raises Refused, NotFound."""
    base = tried(repository, "merge-base", "--is-ancestor", onto, commit, quarantine=quarantine)
    if base.returncode == 0:
        return commit
    sides = Sides(commit[:12], f"git merge {onto[:12]}, correct the conflict, commit and push")
    tree = merged_tree(repository, onto, commit, sides, quarantine)
    at = git(repository, "show", "-s", "--format=%ct", commit, quarantine=quarantine)
    words = ("commit-tree", tree, "-p", onto, "-p", commit, "-m", f"{commit[:12]} merged")
    also = signed_at(at.decode().strip())
    return commit_id(git(repository, *words, quarantine=quarantine, also=also).decode().strip())


def merged_tree(
    repository: Path, commit: str, ours: str, sides: Sides, quarantine: Mapping[str, str]
) -> str:
    """The tree of ``commit`` with ``ours`` merged into it. Raises Refused, with each conflict's
    file, line and both sides; NotFound when git is too old.

    What git says is a tree, then the conflicted files, each ended by NUL.
    """
    words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages")
    done = tried(
        repository, *words, "--allow-unrelated-histories", commit, ours, quarantine=quarantine
    )
    if done.returncode not in (0, 1):
        raise _too_old(repository) or failed(repository, "merge-tree", done.stderr)
    tree, *conflicted = done.stdout.decode(errors="replace").rstrip("\0").split("\0")
    if done.returncode:
        paths = [path for path in conflicted if path]
        raise _conflict(repository, commit, tree, paths, sides, quarantine)
    return tree


def _too_old(repository: Path) -> FairleadError | None:
    version = git(repository, "version").decode().split()[2]
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers >= _OLDEST:
        return None
    what = f"merging without a work tree needs git 2.38 or newer, and this is {version}"
    return NotFound(what, "apt install git")


def _conflict(
    repository: Path,
    commit: str,
    tree: str,
    paths: list[str],
    sides: Sides,
    quarantine: Mapping[str, str],
) -> Refused:
    shown: list[str] = []
    for path in paths:
        found = tried(repository, "cat-file", "blob", f"{tree}:{path}", quarantine=quarantine)
        text = found.stdout.decode(errors="replace")
        shown += hunks(path, text) or [f"{path}: one side has it and the other has not"]
    more = len(shown) - _MOST_LINES
    lines = [printable(line) for line in shown[:_MOST_LINES]]
    lines += [f"... and {more} lines more"] if more > 0 else []
    names = ", ".join(printable(path) for path in paths)
    return Refused(
        f"{sides.ours} conflicts with {commit[:12]}: {names}\n" + "\n".join(lines), sides.hint
    )


def hunks(path: str, text: str) -> list[str]:
    """Every conflict between git's markers, headed by its file and first line; what the commit
    has is after ``-``, what is merged into it after ``+``."""
    shown: list[str] = []
    sign = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("<<<<<<< "):
            shown.append(f"{path}:{number}:")
            sign = "-"
        elif sign and line.startswith("=======") and not line.strip("="):
            sign = "+"
        elif sign and line.startswith(">>>>>>> "):
            sign = ""
        elif sign:
            shown.append(f"{sign} {line}")
    return shown


def signed_at(seconds: str) -> dict[str, str]:
    """By Fairlead, at a time (seconds since 1970 UTC): the same commit each time it is made."""
    return {
        "GIT_AUTHOR_NAME": _NAME, "GIT_AUTHOR_EMAIL": _EMAIL, "GIT_AUTHOR_DATE": f"@{seconds} +0000",
        "GIT_COMMITTER_NAME": _NAME, "GIT_COMMITTER_EMAIL": _EMAIL,
        "GIT_COMMITTER_DATE": f"@{seconds} +0000",
    }  # fmt: skip
