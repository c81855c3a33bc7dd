"""Which Python runs an app: the one that runs Fairlead, unless the app asks for another."""

import re
import sys
from pathlib import Path
from typing import Any

_CLAUSE = re.compile(r"(===|~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?")
Version = tuple[int, ...]


def own_python() -> str:
    """The interpreter below any virtual environment of ours, so that it outlives ours."""
    return str(Path(getattr(sys, "_base_executable", "") or sys.executable).resolve())


def request(tree: Path, project: dict[str, Any]) -> str:
    """What the app asks for: ``.python-version``, else ``project.requires-python``, else ""."""
    pinned = tree / ".python-version"
    if pinned.is_file():
        lines = [line.strip() for line in pinned.read_text(errors="replace").splitlines()]
        return next((line for line in lines if line and not line.startswith("#")), "")
    asked = project.get("project", {}).get("requires-python", "")
    return asked if isinstance(asked, str) else ""


def satisfies(asked: str, version: Version) -> bool:
    """Whether a version meets ``asked``: "3.12", or version specifiers (PEP 440).

    Anything else (a path, "pypy3.10") is not ours to read: False.
    """
    text = asked.strip()
    if re.fullmatch(r"\d+(\.\d+)*", text):
        text = f"=={text}.*"
    clauses = [part.strip() for part in text.split(",") if part.strip()]
    return all(_holds(clause, version) for clause in clauses)


def _holds(clause: str, version: Version) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        return False
    wanted = tuple(int(part) for part in found[2].split("."))
    width = len(wanted) if found[3] else 3
    ours, theirs = _padded(version, width), _padded(wanted, width)
    if found[1] == "~=":
        return ours >= theirs and version[: len(wanted) - 1] == wanted[:-1]
    holds = {
        "==": ours == theirs, "===": ours == theirs, "!=": ours != theirs,
        "<=": ours <= theirs, ">=": ours >= theirs, "<": ours < theirs, ">": ours > theirs,
    }  # fmt: skip
    return holds[found[1]]


def _padded(version: Version, width: int) -> Version:
    return (*version, 0, 0, 0)[:width]
