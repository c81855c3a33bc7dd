"""``settings.toml`` read, and edited so that order, comments and spacing stay: pure.

One flat table of texts, each under the name of its environment variable.
"""

import json
import re
import tomllib
from collections.abc import Mapping

from fairlead.base.errors import UsageError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What an environment variable may be called here (POSIX.1-2017, 8.1)."""
_HINT = 'a setting is one line: NAME = "text"'


def parse(text: str, path: str) -> dict[str, str]:
    """The settings in their order. Whole numbers and true/false become their text.

    Raises UsageError naming file, key and what was expected.
    """
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", _HINT) from error
    return {_name(key, path): _text(key, value, path) for key, value in found.items()}


def edit(text: str, changes: Mapping[str, str | None], path: str) -> str:
    """The text with these settings set (None removes one). Raises UsageError."""
    now = parse(text, path)
    wanted = {key: value for key, value in {**now, **changes}.items() if value is not None}
    for key, value in changes.items():
        text = _with(text, _name(key, path), value)
    return text if _reads_as(text, wanted) else _plain(wanted)


def _name(key: str, path: str) -> str:
    if NAME.fullmatch(key):
        return key
    what = f"{path}: {key!r}: expected letters, digits and _, not starting with a digit"
    raise UsageError(what, _HINT)


def _text(key: str, value: object, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    what = f"{path}: {key}: expected a text, a whole number or true/false"
    raise UsageError(f"{what}, got {type(value).__name__}", _HINT)


def _with(text: str, key: str, value: str | None) -> str:
    line = re.compile(rf"^{key}[ \t]*=.*\n?", re.MULTILINE)
    new = "" if value is None else f"{key} = {_quoted(value)}\n"
    if line.search(text):
        return line.sub(lambda _: new, text, count=1)
    return (f"{text}\n" if text and not text.endswith("\n") else text) + new


def _quoted(value: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's, but for DEL (toml.io 1.0)."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _reads_as(text: str, wanted: Mapping[str, str]) -> bool:
    """False when a line was part of something longer, such as a text over several lines."""
    try:
        return parse(text, "") == wanted
    except UsageError:
        return False


def _plain(settings: Mapping[str, str]) -> str:
    return "".join(f"{key} = {_quoted(value)}\n" for key, value in settings.items())
