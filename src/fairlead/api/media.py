"""Media types: which of a request or an answer is which one of the other document."""

from collections.abc import Mapping
from typing import Any

Matched = tuple[list[tuple[str, str]], list[str], list[str]]


def matched(old: Mapping[str, Any], new: Mapping[str, Any]) -> Matched:
    """(old, new) names that belong together, those that went, and those that came.

    `application/json` and `application/problem+json` belong together, as in oasdiff: the suffix
    says that the one is of the other's form (RFC 6838, 4.2.8).
    """
    pairs = [(name, name) for name in old if name in new]
    gone = [name for name in old if name not in new]
    come = [name for name in new if name not in old]
    for name in list(come):
        before = next((one for one in gone if within(one, name) or within(name, one)), None)
        if before is not None:
            pairs.append((before, name))
            gone.remove(before)
            come.remove(name)
    return pairs, gone, come


def within(wider: str, narrower: str) -> bool:
    """Whether whoever reads ``wider`` can read ``narrower``."""
    kind, sub, suffix = _parts(wider)
    other, other_sub, other_suffix = _parts(narrower)
    if kind != other or not kind:
        return False
    if not suffix and other_suffix and other_suffix == sub:
        return True
    return (sub, suffix) == (other_sub, other_suffix)


def is_json(name: str) -> bool:
    """Whether values have types on the wire."""
    kind, sub, suffix = _parts(name)
    return kind == "application" and "json" in (suffix, sub if not suffix else "")


def content(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The media types of a request body or an answer."""
    found = raw.get("content")
    return (
        {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}
    )


def parameters(name: str) -> str:
    """What stands after the name: `;charset=utf-8`."""
    return name.partition(";")[2].strip()


def shown(name: str) -> str:
    """How a place names the media type: JSON is not mentioned."""
    return "" if name.partition(";")[0].strip() == "application/json" else f"[{name}]"


def _parts(name: str) -> tuple[str, str, str]:
    kind, _, rest = name.partition(";")[0].strip().lower().partition("/")
    sub, _, suffix = rest.partition("+")
    return kind, sub, suffix
