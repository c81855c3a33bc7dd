"""A clone that serves users, read whole: its commit, and all that differs from it.

Nothing is written to it (``capture.scratch``); its own hooks, filters and settings do not run.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from fairlead.adopt.model import ChangedFile, Clone
from fairlead.adopt.ports import Laid
from fairlead.base.errors import Refused
from fairlead.base.ids import CommitId, commit_id
from fairlead.base.text import printable
from fairlead.drivers.git.capture import PATCH, git_directory, scratch
from fairlead.drivers.git.run import git, tried

MANIFEST = "fairlead.toml"
LONGEST = 256 * 1024
"""Bytes of an ignored file that is looked into."""
_MATTERS = re.compile(
    r"(?:^|/)(?:\.env[\w.-]*|[\w.-]*(?:local|secret|credential|settings|config)[\w.-]*"
    r"\.(?:py|json|toml|ya?ml|ini|cfg|env)|[\w.-]+\.(?:sqlite3?|db))$"
)
_STATE = re.compile(r"(?:^|/)(?:media|uploads?|files|storage|data|var)/$")
_CODE = re.compile(r"\.py$")
_URL_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


class LivingClone:
    """The port ``Clones`` of the adoption, on git."""

    def read(self, path: Path) -> Clone:
        """Raises NotFound for no clone, UsageError before its first commit."""
        directory = git_directory(path)
        commit = _head(directory)
        ignored = tuple(_ignored(directory, path))
        changed = (*_changed(directory, path, commit), *_ignored_code(path, ignored))
        return Clone(
            path=str(path),
            commit=commit,
            branch=_branch(directory),
            digest=_digest(commit, changed),
            remotes=tuple(_remotes(directory)),
            changed=tuple(sorted(changed, key=lambda file: file.path)),
            ignored=ignored,
            stashes=tuple(_lines(directory, "stash", "list")),
            has_manifest=_has(directory, commit, MANIFEST),
        )

    def patch(self, path: Path, base: str, files: Mapping[str, Laid], over: bytes = b"") -> bytes:
        """See ``fairlead.adopt.ports.Clones``."""
        directory = git_directory(path)
        with scratch(directory) as also:
            git(directory, "read-tree", base, also=also)
            if over:
                _apply(directory, over, also)
            for name, laid in files.items():
                _put(directory, name, laid, also)
            tree = git(directory, "write-tree", also=also).decode().strip()
            return git(directory, *PATCH, base, tree, also=also)


def _apply(directory: Path, patch: bytes, also: Mapping[str, str]) -> None:
    done = tried(directory, "apply", "--cached", "--whitespace=nowarn", "-", feed=patch, also=also)
    if done.returncode:
        said = printable(done.stderr.decode(errors="replace").partition("\n")[0])
        raise Refused(f"overlay.patch does not apply: {said}", "mend it, or propose again")


def _put(directory: Path, name: str, laid: Laid, also: Mapping[str, str]) -> None:
    if laid.data is None:
        git(directory, "update-index", "--force-remove", "--", name, also=also)
        return
    blob = git(directory, "hash-object", "-w", "--stdin", "--no-filters", feed=laid.data, also=also)
    entry = f"{laid.mode},{blob.decode().strip()},{name}"
    git(directory, "update-index", "--add", "--cacheinfo", entry, also=also)


def _head(directory: Path) -> CommitId:
    done = tried(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if done.returncode:
        raise Refused(f"nothing is committed in it: {directory.parent}", "git log")
    return commit_id(done.stdout.decode().strip())


def _branch(directory: Path) -> str:
    """The branch that is checked out; ``main`` where a commit is."""
    done = tried(directory, "symbolic-ref", "--quiet", "--short", "HEAD")
    return printable(done.stdout.decode(errors="replace").strip()) or "main"


def _changed(directory: Path, path: Path, base: str) -> Iterator[ChangedFile]:
    """What the work tree has over the commit, as git would commit it."""
    with scratch(directory) as also:
        around = {**also, "GIT_WORK_TREE": str(path)}
        git(directory, "add", "--all", "--", str(path), also=around)
        tree = git(directory, "write-tree", also=around).decode().strip()
        raw = git(directory, "diff-tree", "-r", "-z", "--no-renames", base, tree, also=also)
        fields = raw.decode(errors="surrogateescape").split("\0")
        for about, name in zip(fields[0::2], fields[1::2], strict=False):
            _, mode, old, new, _ = about.split()
            if mode == "160000" or about.startswith(":160000"):
                continue  # a submodule: its commit is not in this repository
            yield ChangedFile(name, _blob(directory, old, also), _blob(directory, new, also), mode)


def _blob(directory: Path, blob: str, also: Mapping[str, str]) -> bytes | None:
    return None if not blob.strip("0") else git(directory, "cat-file", "blob", blob, also=also)


def _ignored(directory: Path, path: Path) -> Iterator[str]:
    """Files and directories that git ignores and an app lives on; directories end in ``/``."""
    also = {"GIT_WORK_TREE": str(path)}
    words = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    with scratch(directory) as own:
        said = git(directory, *words, "--", str(path), also={**own, **also})
    for name in sorted(said.decode(errors="surrogateescape").split("\0")):
        if _MATTERS.search(name) or _STATE.search(name):
            yield name


def _ignored_code(path: Path, ignored: tuple[str, ...]) -> Iterator[ChangedFile]:
    for name in ignored:
        file = path / name
        plain = _CODE.search(name) and file.is_file() and not file.is_symlink()
        if plain and file.stat().st_size <= LONGEST:
            yield ChangedFile(name, None, file.read_bytes(), ignored=True)


def _remotes(directory: Path) -> Iterator[str]:
    """``origin https://…``, without a password that stands in it."""
    for line in _lines(directory, "remote", "-v"):
        if line.endswith("(fetch)"):
            name, _, url = line.removesuffix(" (fetch)").partition("\t")
            yield f"{name} {_URL_PASSWORD.sub('', url)}"


def _lines(directory: Path, *words: str) -> list[str]:
    return [
        printable(line) for line in git(directory, *words).decode(errors="replace").splitlines()
    ]


def _has(directory: Path, commit: str, name: str) -> bool:
    return tried(directory, "cat-file", "-e", f"{commit}:{name}").returncode == 0


def _digest(commit: str, changed: tuple[ChangedFile, ...]) -> str:
    made = hashlib.sha256(commit.encode())
    for file in sorted(changed, key=lambda file: file.path):
        after = b"-" if file.after is None else hashlib.sha256(file.after).digest()
        made.update(f"\0{file.path}\0{file.mode}\0".encode(errors="surrogateescape") + after)
    return f"sha256:{made.hexdigest()}"
