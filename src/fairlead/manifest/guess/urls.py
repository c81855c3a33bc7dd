"""The paths a Django URLconf answers, as far as they are literal."""

import ast
import re
from collections.abc import Iterator

from fairlead.manifest.guess.repository import Repository, called, parsed, text_of

_DEEPEST = 5


def routes(repository: Repository, base: str, module: str, deep: int = 0) -> Iterator[str]:
    """Every literal path of a URLconf and of those it includes, with its leading slash left out."""
    stem = "/".join(filter(None, [base, *module.split(".")]))
    tree = parsed(repository.text(repository.first(f"{stem}.py", f"{stem}/__init__.py")))
    for node in ast.walk(tree) if tree and deep < _DEEPEST else ():
        if isinstance(node, ast.Call) and called(node) in ("path", "re_path", "url") and node.args:
            yield from _route(repository, base, node, deep)


def _route(repository: Repository, base: str, node: ast.Call, deep: int) -> Iterator[str]:
    start = text_of(node.args[0])
    if start is None:
        return
    start = re.sub(r"^\^|\$$", "", start) if called(node) != "path" else start
    target = node.args[1] if len(node.args) > 1 else None
    if isinstance(target, ast.Call) and called(target) == "include" and target.args:
        included = text_of(target.args[0])
        found = routes(repository, base, included, deep + 1) if included else iter(())
        yield from (start + rest for rest in found)
    else:
        yield start
