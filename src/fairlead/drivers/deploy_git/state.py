"""Whether the work tree says clearly what people want, and whether it moved since last asked."""

import os
import shlex
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import msgspec

from fairlead.base.errors import FairleadError, Refused
from fairlead.drivers.deploy_git.run import Git, GitFailed

BRANCH = "main"
OURS = ("apps/", "releases/", "approvals/", "waivers/", "clients/", "record/")
_UNDER_WAY = {
    "MERGE_HEAD": ("a merge", "merge"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "cherry-pick"),
    "REVERT_HEAD": ("a revert", "revert"),
    "rebase-merge": ("a rebase", "rebase"),
    "rebase-apply": ("a rebase", "rebase"),
}
_DECIDE = (
    "HEAD",
    "index",
    "config",
    "info/exclude",
    "packed-refs",
    "FETCH_HEAD",
    f"refs/heads/{BRANCH}",
)
Stat = tuple[int, int, int]
Print = tuple[Stat | None, ...]
"""What a cheap look at files saw, of each its ctime in ns, size and inode: equal prints, nothing
moved. A ctime moves with every change of content or mode, and nobody can set it (inode(7))."""

COARSE = 2.0
"""Seconds within which two changes may get one ctime: no file system's clock is coarser."""


class State(msgspec.Struct, frozen=True):
    """A usable state: the head, and how many commits its upstream has that it has not."""

    head: str
    behind: int
    upstream: str


def state(git: Git) -> State:
    """Ask git. Raises Refused, with the reason and the next command, unless it is usable."""
    try:
        told = git("status", "--porcelain=v2", "--branch", "-z", "--no-renames")
    except GitFailed as error:
        raise _no_repository(git.where, error) from error
    entries = [e for e in told.decode("utf-8", "surrogateescape").split("\0") if e]
    heads = dict(e[2:].split(" ", 1) for e in entries if e.startswith("# "))
    refuse_under_way(git.where)
    _refuse_branch(git.where, heads)
    _refuse_dirty(git.where, entries)
    behind = _refuse_diverged(git.where, heads)
    return State(heads["branch.oid"], behind, heads.get("branch.upstream", ""))


def refuse_under_way(where: Path) -> None:
    """Raises Refused in the middle of a merge, a rebase, a cherry-pick or a revert."""
    for name, (what, verb) in _UNDER_WAY.items():
        if (where / ".git" / name).exists():
            raise Refused(
                f"the deploy repo is in the middle of {what}: {where}",
                f"finish it, or: {git_hint(where, verb, '--abort')}",
            )


def git_hint(where: Path | str, *arguments: str) -> str:
    """A git command for a person to type."""
    return shlex.join(["git", "-C", str(where), *arguments])


def shown(path: str) -> str:
    """A file's name, safe to print: control characters and broken bytes are escaped."""
    return path if path.isprintable() else ascii(path)


def prints(where: Path, upstream: str, files: Iterable[str]) -> Print:
    """The print of all that decides ``state``, then of these files and directories."""
    git = (f".git/{name}" for name in (*_DECIDE, *_UNDER_WAY, f"refs/remotes/{upstream}"))
    return tuple(_stat(f"{where}/{path}") for path in chain(git, files))


def at_rest(seen: Print, now: int) -> bool:
    """Whether a print taken at ``now`` (ns since 1970 UTC) will differ after any change from then
    on: none of it was changed so shortly before that the next change gets the same ctime."""
    return all(stat is None or stat[0] < now - COARSE * 1e9 for stat in seen)


def _stat(path: str) -> Stat | None:
    try:
        seen = os.lstat(path)
    except OSError:
        return None
    return (seen.st_ctime_ns, seen.st_size, seen.st_ino)


def _no_repository(where: Path, error: GitFailed) -> FairleadError:
    if not (where / ".git").exists():
        return Refused(
            f"there is no deploy repo: {where}",
            "`fairlead up` makes one; or clone a copy of yours to that place",
        )
    return Refused(
        f"the deploy repo cannot be read: {where}: {error.said}", git_hint(where, "fsck")
    )


def _refuse_branch(where: Path, heads: dict[str, str]) -> None:
    branch = heads.get("branch.head", "")
    if branch == "(detached)":
        what = f"the deploy repo is on no branch (detached HEAD): {where}"
        raise Refused(what, git_hint(where, "switch", BRANCH))
    if branch != BRANCH:
        what = f'the deploy repo is on branch "{shown(branch)}", and "{BRANCH}" is read: {where}'
        raise Refused(what, git_hint(where, "switch", BRANCH))
    if heads.get("branch.oid") == "(initial)":
        raise Refused(f"the deploy repo has no commit: {where}", "`fairlead up` makes the first")


def _refuse_dirty(where: Path, entries: list[str]) -> None:
    dirty = [path for path in map(_dirty_path, entries) if path]
    if dirty:
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise Refused(
            f"the deploy repo has changes that are not committed: {where}/{shown(dirty[0])}{more}",
            f"{git_hint(where, 'status')}; then commit them, or take them back",
        )


def _dirty_path(entry: str) -> str:
    """The path of a status entry that is a change ("" for one that is not).

    ``1 XY sub mH mI mW hH hI path``, ``u`` with two fields more, ``? path``: git-status(1).
    A file git does not know is a change only where Fairlead's files lie.
    """
    if entry.startswith("1 "):
        return entry.split(" ", 8)[8]
    if entry.startswith("u "):
        return entry.split(" ", 10)[10]
    path = entry[2:] if entry.startswith("? ") else ""
    return path if path.startswith(OURS) else ""


def _refuse_diverged(where: Path, heads: dict[str, str]) -> int:
    ahead, _, behind = heads.get("branch.ab", "+0 -0").partition(" ")
    if int(ahead) and int(behind):
        name = shown(heads.get("branch.upstream", "its upstream"))
        raise Refused(
            f"the deploy repo and {name} have diverged"
            f" ({int(ahead)} commits here, {-int(behind)} there): {where}",
            f"{git_hint(where, 'pull', '--no-rebase')}, or decide which side is right",
        )
    return -int(behind)
