"""Reading what a living clone has over its commits, without changing one byte of it.

What git must write to tell the difference (an index, the objects of new files) goes to a
scratch directory: the clone may belong to somebody else, or serve users right now.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.text import printable
from fairlead.drivers.git.run import git, owned_directory, tried

PATCH = ("diff-tree", "-r", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv",
         "--no-renames", "--no-color")  # fmt: skip


class Captured:
    """A patch, the commit it was made against, and the files it touches, sorted."""

    def __init__(self, base: CommitId, patch: bytes, files: tuple[str, ...]) -> None:
        self.base = base
        self.patch = patch
        self.files = files


def uncommitted(clone: Path) -> Captured:
    """What the work tree has over its commit: changed, removed, and new files that are not
    ignored. Raises NotFound for no clone, Refused where there is nothing."""
    directory = git_directory(clone)
    base = _commit(directory, "HEAD")
    with scratch(directory) as also:
        around = {**also, "GIT_WORK_TREE": str(clone)}
        git(directory, "add", "--all", "--", str(clone), also=around)
        tree = git(directory, "write-tree", also=around).decode().strip()
        return _between(directory, base, tree, "the work tree has no changes", also)


def stashed(clone: Path, stash: str = "stash@{0}") -> Captured:
    """What a stash holds over the commit it was made on, new files too (git-stash(1): its third
    parent)."""
    directory = git_directory(clone)
    kept, base = _commit(directory, stash), _commit(directory, f"{stash}^1")
    tree = git(directory, "rev-parse", f"{kept}^{{tree}}").decode().strip()
    new = tried(directory, "rev-parse", "--verify", "--quiet", f"{kept}^3^{{tree}}")
    with scratch(directory) as also:
        if new.returncode == 0:
            git(directory, "read-tree", tree, also=also)
            listed = git(directory, "ls-tree", "-r", "-z", new.stdout.decode().strip())
            git(directory, "update-index", "-z", "--index-info", feed=listed, also=also)
            tree = git(directory, "write-tree", also=also).decode().strip()
        return _between(directory, base, tree, f"{stash} is empty", also)


def committed(clone: Path, commit: str) -> Captured:
    """What one commit changed. Raises Refused for the first commit, or a merge."""
    directory = git_directory(clone)
    found = _commit(directory, commit)
    parents = git(directory, "rev-list", "--parents", "--max-count=1", found).split()[1:]
    if len(parents) != 1:
        raise Refused(f"{found[:12]} has {len(parents)} parents", "name a commit that has one")
    base = commit_id(parents[0].decode())
    tree = git(directory, "rev-parse", f"{found}^{{tree}}").decode().strip()
    return _between(directory, base, tree, f"{found[:12]} changes nothing", {})


def git_directory(clone: Path) -> Path:
    """Where a work tree's repository is. Raises NotFound."""
    done = tried(clone / ".git", "rev-parse", "--absolute-git-dir")
    if done.returncode:
        raise NotFound(f"not a clone's top directory: {clone}", "name the one that has .git in it")
    return Path(done.stdout.decode().strip())


def _commit(directory: Path, revision: str) -> CommitId:
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    done = tried(directory, *words)
    if done.returncode:
        raise NotFound(
            f"no such commit: {printable(revision)}: {directory}", "git log; git stash list"
        )
    return commit_id(done.stdout.decode().strip())


def _between(
    directory: Path, base: CommitId, tree: str, nothing: str, also: Mapping[str, str]
) -> Captured:
    patch = git(directory, *PATCH, base, tree, also=also)
    if not patch:
        raise Refused(f"{nothing}: {directory.parent}", "git status shows what it has")
    named = git(directory, "diff-tree", "-r", "-z", "--name-only", base, tree, also=also)
    files = sorted(name for name in named.decode(errors="replace").split("\0") if name)
    return Captured(base, patch, tuple(files))


@contextmanager
def scratch(directory: Path) -> Iterator[dict[str, str]]:
    """An index like the clone's and a place for new objects, both gone afterwards.

    They belong to the clone's owner, whom git runs as (``as_owner``).
    """
    with owned_directory(directory, "fairlead-capture-") as made:
        index = made / "index"
        if (directory / "index").is_file():
            shutil.copyfile(directory / "index", index)
        objects = made / "objects"
        objects.mkdir()
        if os.geteuid() == 0:
            owner = directory.stat()
            for path in filter(Path.exists, (objects, index)):
                os.chown(path, owner.st_uid, owner.st_gid)
        yield {
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(directory / "objects"),
        }
