"""Laying an environment's own changes over a commit: a three-way merge, and no work tree.

The overlay is a patch against a base commit. It becomes a commit on that base, and git merges
the two (git-merge-tree(1), from git 2.38): so what the new commit itself moved or renamed is
followed, and a conflict is found before anything is touched. Everything made here is the same
each time it is made: fixed names, and the time of the commit it is laid over.
"""

from collections.abc import Mapping
from pathlib import Path

from fairlead.base.errors import FairleadError, NotFound, Refused
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.text import printable
from fairlead.drivers.git.run import failed, git, owned_directory, tried

_NAME, _EMAIL = "Fairlead", "fairlead@localhost"
_OLDEST = (2, 38)
_MOST_LINES = 40
"""Lines of conflicts that are shown; the rest are counted."""


def laid_over(
    repository: Path, commit: CommitId, base: CommitId, patch: bytes, quarantine: Mapping[str, str]
) -> CommitId:
    """The commit with the patch, which was made against ``base``, merged into it.

    Raises Refused, with each conflict's file, line and both sides, where it does not merge;
    NotFound when the base is unknown here or git is too old.
    """
    at = git(repository, "show", "-s", "--format=%ct", commit, quarantine=quarantine)
    stamp = _signed_at(at.decode().strip())
    ours = _on_base(repository, base, patch, quarantine, stamp)
    tree = _merged(repository, commit, ours, quarantine)
    message = f"{commit[:12]} with the overlay laid over it"
    made = git(
        repository, "commit-tree", tree, "-p", commit, "-m", message,
        quarantine=quarantine, also=stamp,
    )  # fmt: skip
    return commit_id(made.decode().strip())


def _signed_at(seconds: str) -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": _NAME, "GIT_AUTHOR_EMAIL": _EMAIL, "GIT_AUTHOR_DATE": f"@{seconds} +0000",
        "GIT_COMMITTER_NAME": _NAME, "GIT_COMMITTER_EMAIL": _EMAIL,
        "GIT_COMMITTER_DATE": f"@{seconds} +0000",
    }  # fmt: skip


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


def _merged(repository: Path, commit: CommitId, ours: str, quarantine: Mapping[str, str]) -> str:
    """The merged tree. Its output is a tree, then the conflicted files, each ended by NUL."""
    words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages")
    done = tried(
        repository, *words, "--allow-unrelated-histories", commit, ours, quarantine=quarantine
    )
    if done.returncode not in (0, 1):
        raise _too_old(repository) or failed(repository, "merge-tree", done.stderr)
    tree, *conflicted = done.stdout.decode(errors="replace").rstrip("\0").split("\0")
    if done.returncode:
        raise _conflict(repository, commit, tree, [path for path in conflicted if path], quarantine)
    return tree


def _too_old(repository: Path) -> FairleadError | None:
    version = git(repository, "version").decode().split()[2]
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers >= _OLDEST:
        return None
    return NotFound(f"overlays need git 2.38 or newer, and this is {version}", "apt install git")


def _conflict(
    repository: Path, commit: CommitId, tree: str, paths: list[str], quarantine: Mapping[str, str]
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
        f"the overlay conflicts with {commit[:12]}: {names}\n" + "\n".join(lines),
        "merge it by hand and capture it again: fairlead overlay capture --help",
    )


def hunks(path: str, text: str) -> list[str]:
    """Every conflict between git's markers, headed by its file and first line; what the commit
    has is after ``-``, what the overlay wants after ``+``."""
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


def _first(said: bytes) -> str:
    return printable(said.decode(errors="replace").strip().partition("\n")[0])
