"""How a configuration of nginx is written: its words, lines and blocks."""

from collections.abc import Iterable

Lines = list[str]


def quoted(value: str) -> str:
    """``value`` as one word of a configuration. A ``$`` stays what it is to the directive."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def block(head: str, lines: Iterable[str]) -> Lines:
    """A block, its lines set in."""
    return [f"{head} {{", *(f"    {line}" for line in lines), "}"]
