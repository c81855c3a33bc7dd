"""Laying an environment's own changes over a commit: a three-way merge, and no work tree.

The overlay is a patch against a base commit. It becomes a commit on that base, and git merges
the two (git-merge-tree(1), from git 2.38): so what the new commit itself moved or renamed is
followed, and a conflict is found before anything is touched. Everything made here is the same
each time it is made: fixed names, and the time of the commit it is laid over.
"""

from collections.abc import Mapping
from pathlib import Path

from fairlead.base.errors import NotFound, Refused
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.text import printable
from fairlead.drivers.git.merge import Sides, merged_tree, signed_at
from fairlead.drivers.git.run import git, owned_directory, tried

OVERLAY = Sides(
    "the overlay", "merge it by hand and capture it again: fairlead overlay capture --help"
)


def laid_over(
    repository: Path, commit: CommitId, base: CommitId, patch: bytes, quarantine: Mapping[str, str]
) -> CommitId:
    """The commit with the patch, which was made against ``base``, merged into it.

    Raises Refused, with each conflict's file, line and both sides, where it does not merge;
    NotFound when the base is unknown here or git is too old.
    """
    at = git(repository, "show", "-s", "--format=%ct", commit, quarantine=quarantine)
    stamp = signed_at(at.decode().strip())
    ours = _on_base(repository, base, patch, quarantine, stamp)
    tree = merged_tree(repository, commit, ours, OVERLAY, quarantine)
    message = f"{commit[:12]} with the overlay laid over it"
    made = git(
        repository, "commit-tree", tree, "-p", commit, "-m", message,
        quarantine=quarantine, also=stamp,
    )  # fmt: skip
    return commit_id(made.decode().strip())


def _on_base(
    repository: Path, base: CommitId, patch: bytes, quarantine: Mapping[str, str],
    stamp: Mapping[str, str],
) -> str:  # fmt: skip
    """A commit that is the base with the patch, made in an index of its own."""
    if tried(repository, "cat-file", "-e", f"{base}^{{commit}}", quarantine=quarantine).returncode:
        raise NotFound(
            f"the commit the overlay was made against is unknown here: {base[:12]}",
            "push it once to any branch, or capture the overlay again",
        )
    with owned_directory(repository, "fairlead-overlay-") as scratch:
        also = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git(repository, "read-tree", base, quarantine=quarantine, also=also)
        applied = tried(
            repository, "apply", "--cached", "--binary", "--whitespace=nowarn", "-",
            feed=patch, quarantine=quarantine, also=also,
        )  # fmt: skip
        if applied.returncode:
            what = f"the overlay does not apply to its own base {base[:12]}"
            raise Refused(f"{what}: {_first(applied.stderr)}", "capture it again")
        tree = git(repository, "write-tree", quarantine=quarantine, also=also).decode().strip()
    words = ("commit-tree", tree, "-p", base, "-m", "overlay")
    return git(repository, *words, quarantine=quarantine, also=stamp).decode().strip()


def _first(said: bytes) -> str:
    return printable(said.decode(errors="replace").strip().partition("\n")[0])
