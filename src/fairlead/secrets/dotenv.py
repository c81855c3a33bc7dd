"""A ``.env`` file read: pure.

``NAME=value`` a line; ``export`` before it, blank lines and ``# comments`` are let be. A value
in single quotes is as it stands; in double quotes ``\\n``, ``\\r``, ``\\t``, ``\\"``, ``\\\\`` and ``\\$``
mean what they do in a shell's or JSON's; either may go over several lines. Without quotes it
ends at the line's end or before `` #``. No ``$NAME`` is filled in: a value is a value.
"""

import re
from collections.abc import Mapping

from fairlead.base.errors import UsageError
from fairlead.base.secret import Secret

_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_ENTRY = re.compile(
    r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*"
    r"(?:'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<bare>(?!['\"])[^\n]*?))"
    r"[ \t]*(?:(?<=[\s'\"])#[^\n]*)?(?:\n|\Z)",
    re.DOTALL,
)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def parse(text: str, path: str) -> Mapping[str, Secret]:
    """Name to value, in the file's order; the last one of a name counts.

    Raises UsageError, which names the line and never shows it.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, Secret] = {}
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
            continue
        entry = _ENTRY.match(text, at)
        if entry is None:
            line = text.count("\n", 0, at) + 1
            raise UsageError(f"{path}: line {line}: expected NAME=value", "quotes must be closed")
        found[entry["name"]] = Secret(_value(entry))
        at = entry.end()
    return found


def _value(entry: re.Match[str]) -> str:
    if entry["single"] is not None:
        return entry["single"]
    if entry["double"] is not None:
        return re.sub(r"\\(.)", _unescaped, entry["double"], flags=re.DOTALL)
    return entry["bare"].rstrip()


def _unescaped(found: re.Match[str]) -> str:
    escaped = found[1]
    return _ESCAPED.get(escaped, escaped if escaped in '"\\$`' else f"\\{escaped}")
