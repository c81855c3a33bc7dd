"""What a kustomization takes in: which of them nobody else takes in, and what is not in the tree.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

import posixpath
from collections.abc import Collection, Mapping
from typing import Any

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_TAKEN = ("resources", "bases", "components")
_ELSEWHERE = ("://", "?ref=", "git@", "github.com/")


def taken(data: Any) -> tuple[str, ...]:
    """The entries of its resources, bases and components."""
    if not isinstance(data, dict):
        return ()
    lists = [value for key in _TAKEN if isinstance(value := data.get(key), list)]
    return tuple(entry for value in lists for entry in value if isinstance(entry, str))


def is_elsewhere(entry: str) -> bool:
    """Whether kustomize would fetch it: a URL, or a git repository."""
    return any(mark in entry for mark in _ELSEWHERE)


def roots(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The directories whose kustomization no other one takes in; ``found`` is directory → data.

    A component is only ever a part of another.
    """
    inner = {
        posixpath.normpath(posixpath.join(directory, entry))
        for directory, data in found.items()
        for entry in taken(data)
    }
    return tuple(
        directory
        for directory, data in sorted(found.items())
        if posixpath.normpath(directory or ".") not in inner
        and not (isinstance(data, dict) and data.get("kind") == "Component")
    )


def fetched(directory: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """What building a directory would fetch from elsewhere, with what it takes in."""
    known = {posixpath.normpath(name or "."): data for name, data in found.items()}
    waiting, seen, elsewhere = [posixpath.normpath(directory or ".")], set[str](), set[str]()
    while waiting:
        here = waiting.pop()
        if here in seen or here not in known:
            continue
        seen.add(here)
        for entry in taken(known[here]):
            if is_elsewhere(entry):
                elsewhere.add(entry)
            else:
                waiting.append(posixpath.normpath(posixpath.join(here, entry)))
    return tuple(sorted(elsewhere))


def covered(path: str, directories: Collection[str]) -> bool:
    """Whether a file belongs to a kustomization: its directory, or one above it, has one."""
    parts = path.split("/")
    return any("/".join(parts[:number]) in directories for number in range(len(parts)))
