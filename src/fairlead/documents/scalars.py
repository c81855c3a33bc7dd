"""What a plain word of YAML stands for: the core schema, and the older one of YAML 1.1.

YAML 1.2.2, 10.3.2 (https://yaml.org/spec/1.2.2/#1032-tag-resolution). Kubernetes reads YAML 1.1
by go-yaml, which has its booleans and octal numbers, and no numbers to the base 60
(https://github.com/yaml/go-yaml/blob/v2/resolve.go). Times are text in both, as in JSON.
"""

import re

Scalar = str | int | float | bool | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_OLD_BOOLEAN = {
    **_BOOLEAN,
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_FIRST = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_OCTAL = re.compile(r"0o[0-7]{1,400}")
_OLD_OCTAL = re.compile(r"[-+]?0[0-7]{1,400}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def plain(text: str, *, old: bool) -> Scalar:
    """What an unquoted word means; ``old`` for YAML 1.1."""
    if text in _NULL:
        return None
    known = (_OLD_BOOLEAN if old else _BOOLEAN).get(text)
    if known is not None:
        return known
    return _number(text, old=old) if text[0] in _FIRST else text


def _number(text: str, *, old: bool) -> Scalar:
    if old and _OLD_OCTAL.fullmatch(text):
        return int(text, 8)
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text
