"""Requirement files (pip's format): what they include, and whether they leave versions open."""

import re
from pathlib import Path, PurePosixPath

from fairlead.base.errors import UsageError

_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)[\s=]*(\S+)")
_FOUND = re.compile(r"(?:-f|--find-links)[\s=]*(\S+)")
_ITSELF = re.compile(r"(?:(?:-e|--editable)[\s=]*)?(?:\.{1,2}(?:/\S*)?|file:\S+)(?:\[[^]]*\])?")
_PINNED = re.compile(r"[A-Za-z0-9._-]+(?:\[[^]]*\])?\s*===?\s*[^\s=*,]+(?:\s|$)|\S+\s*@\s*\S+")


def closure(tree: Path, name: str) -> tuple[str, ...]:
    """The file and all it includes, relative to the tree. Raises UsageError for one not there."""
    found = [name]
    for file in found:  # grows while it is walked
        for line in lines(tree, file):
            included = _INCLUDE.match(line)
            if included and "://" not in included[1]:
                path = _beside(file, included[1])
                found += [path] if path not in found else []
    return tuple(found)


def wheels(tree: Path, files: tuple[str, ...]) -> tuple[str, ...]:
    """The files that ``--find-links`` names in the tree itself, relative to it, sorted: where a
    line has no hash, what is installed is what lies there."""
    found: set[str] = set()
    for name in files:
        for line in lines(tree, name):
            named = _FOUND.match(line)
            if named and "://" not in named[1] and not named[1].startswith("/"):
                directory = _beside(name, named[1])
                found |= {f"{directory}/{path.name}" for path in (tree / directory).glob("*")}
    return tuple(sorted(path for path in found if (tree / path).is_file()))


def _beside(file: str, name: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(file).parent.joinpath(name).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    path = "/".join(parts)
    if path.startswith(("/", "..")):
        raise UsageError(f"{file}: it includes a file outside the repository: {name}", "copy it in")
    return path


def lines(tree: Path, name: str) -> list[str]:
    """Its logical lines without comments. Raises UsageError when the file cannot be read."""
    try:
        text = (tree / name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{name}: it cannot be read: {getattr(error, 'strerror', '') or 'not UTF-8'}",
            "commit it, or name another lock in fairlead.toml: build.lock",
        ) from None
    joined = re.sub(r"\\\r?\n", " ", text)
    stripped = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in stripped if line]


def refuse_itself(tree: Path, files: tuple[str, ...]) -> None:
    """Raises UsageError for a line that installs a directory of the tree: dependencies are shared
    between releases, and such a line would put this release's code into all of them."""
    for name in files:
        for line in lines(tree, name):
            if _ITSELF.match(line.split(";")[0].strip()):
                raise UsageError(
                    f"{name}: it installs a directory of the repository itself: {line}",
                    "remove the line: the tree and its src are on the path already; "
                    'or set build.lock = "pyproject.toml"',
                )


def locked(tree: Path, files: tuple[str, ...]) -> bool:
    """Whether every requirement names one version."""
    wanted = [line for name in files for line in lines(tree, name) if not line.startswith("-")]
    return all(_PINNED.match(line.split(";")[0].strip()) for line in wanted)


def hashed(tree: Path, files: tuple[str, ...]) -> bool:
    """Whether the files name hashes: then every requirement must have one."""
    return any("--hash=" in line for name in files for line in lines(tree, name))
