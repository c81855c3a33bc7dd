"""Compiled Python, taken over from the release before.

A hash-based ``.pyc`` (PEP 552) depends on its source's bytes, the path it was compiled under and
the interpreter. So where path, content and dependencies (whose key has the interpreter) are the
same, it is the same: 1,000 sources cost a copy each instead of a second or more of compiling.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from fairlead.artifact.model import File
from fairlead.drivers.store import scan


def sources(tree: Path) -> tuple[str, ...]:
    """Every Python source below ``tree``, sorted; no links, and no pipes called like one."""
    found = scan.walk(str(tree))
    return tuple(
        sorted(p for p, e in found if p.endswith(".py") and e.is_file(follow_symlinks=False))
    )


def adopt(tree: Path, wanted: Iterable[str], known_tree: Path, known: Iterable[File]) -> set[str]:
    """Copy the compiled form of each wanted source that is known unchanged; which they were."""
    by_path = {file.path: file for file in known}
    compiled = {_source_of(path): path for path in by_path if path.endswith(".pyc")}
    return {
        path
        for path in wanted
        if path in compiled
        and path in by_path
        and scan.sha256_of(f"{tree}/{path}") == by_path[path].content
        and _copy(known_tree, tree, by_path[compiled[path]])
    }


def _source_of(compiled: str) -> str:
    """``a/__pycache__/b.cpython-311.pyc`` is of ``a/b.py`` (PEP 3147)."""
    path = PurePosixPath(compiled)
    return str(path.parent.parent / f"{path.name.rsplit('.', 2)[0]}.py")


def _copy(known_tree: Path, tree: Path, file: File) -> bool:
    """Copy it when it is still what was sealed: damage does not spread."""
    try:
        data = (known_tree / file.path).read_bytes()
    except OSError:
        return False
    if hashlib.sha256(data).hexdigest() != file.content:
        return False
    target = tree / file.path
    if target.parent.is_symlink() or target.is_dir():  # a build command put it there
        return False
    target.parent.mkdir(exist_ok=True)
    target.unlink(missing_ok=True)
    target.write_bytes(data)
    target.chmod(0o644)
    return True
