"""Which paths of a tree a glob names: one rule for every glob of the manifest.

``*`` and ``?`` stop at a slash, ``**`` does not; ``[…]`` is a set. A pattern without a slash
names a file in any directory, as in gitignore(5); one with a slash starts at the tree's root.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|[^*?\[]+|\[")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    anchored = pattern.lstrip("/") if "/" in pattern.rstrip("/") else f"**/{pattern}"
    if anchored.endswith("/"):
        anchored += "**"
    return re.compile("".join(_translated(part) for part in _PARTS.findall(anchored)), re.DOTALL)


def _translated(part: str) -> str:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "[": r"\["}
    if part in known:
        return known[part]
    if part.startswith("["):
        body = part[1:-1].replace("\\", r"\\").replace("[", r"\[")
        return f"[^/{body[1:]}]" if body[0] in "!^" else f"[{body}]"
    return re.escape(part)


def matches(pattern: str, path: str) -> bool:
    """Whether a glob names a path (relative to the tree, with ``/``)."""
    return _compiled(pattern).fullmatch(path) is not None


def matching(patterns: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that any of the globs names, sorted."""
    wanted = tuple(patterns)
    return tuple(sorted(path for path in paths if any(matches(one, path) for one in wanted)))
