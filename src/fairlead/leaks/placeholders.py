"""What stands where a secret would, and is none: examples, templates, words, names of others."""

import math
import re
from collections import Counter

_WORDS = re.compile(
    r"example|sample|placeholder|change[-_. ]?(?:me|it|this)|replace|redacted|dummy|insert|todo|fixme"
    r"|your[-_ ]|[-_]here\b|fake|mock|test|demo|secret|passw|insecure|unsafe|default|localhost|xxxx"
    r"|\*\*\*|\.\.\.|…|not[-_ ]a|none\b|null\b|undefined|changeme|lorem|foo|dev[-_]|local[-_]",
    re.IGNORECASE,
)
_IN_TOKEN = re.compile(
    r"example|placeholder|redacted|dummy|xxxxx|\.\.\.|\*\*\*|your[-_]|[-_]here", re.IGNORECASE
)
_RUNS = ("12345678", "abcdefgh", "01234567", "87654321", "deadbeef", "qwerty", "aaaaaa", "000000")
_TEMPLATE = re.compile(
    r"\$\{|\$\(|\{\{|\{%|<[\w .:-]+>|%\(\w+\)s|%[sd]|^\$\w|^%\w+%$|^@\w+@$|^\{[\w.!:]*\}|\}$|^ENC\["
    r"|^(?:vault|op|sm|ssm|arn|env|secret|ref|file|keyring|awssm|gcpsm)(?:\+\w+)?:|^\$ANSIBLE_VAULT"
    r"|^!|^&|^\*\w|\[a-z|\[A-Z0|\\[wds][+*{]|\(\?"
)
_PATH = re.compile(r"(?:/|\./|\.\./|~/|[A-Za-z]:\\).*|[\w.-]+(?:/[\w.-]+)+\.\w{1,5}")
_PARTS = re.compile(r"[-_./:,;|+@#\s]+")
_WORD = re.compile(r"[A-Za-z]?[a-z]{1,20}|[A-Z]{1,20}|(?:[A-Z][a-z]{1,20}){1,6}|[0-9]{1,4}|v[0-9]+")
_BITS = 3.0
"""Of Shannon's entropy for one character: 16 drawn hexadecimal digits have 3.1, a word 2.5."""
_LEAST = 16


def is_placeholder(value: str) -> bool:
    """Whether a value that a person could have written says that it is no secret."""
    return bool(
        _WORDS.search(value) or _TEMPLATE.search(value) or _PATH.fullmatch(value)
    ) or _is_run(value)


def is_sample(token: str, prefix: int) -> bool:
    """Whether a token of a known form is one out of a manual: its word, a run, or one character.

    ``prefix`` is how many characters its form says beforehand.
    """
    drawn = token[prefix:]
    return bool(_IN_TOKEN.search(drawn)) or _is_run(drawn) or entropy(drawn) < 2.5


def is_drawn(value: str) -> bool:
    """Whether it looks drawn by chance: no words, letters and digits, much entropy."""
    if len(value) < _LEAST or any(one.isspace() for one in value) or "://" in value:
        return False
    if all(_WORD.fullmatch(part) for part in _PARTS.split(value) if part):
        return False
    return (
        any(one.isdigit() for one in value)
        and any(one.isalpha() for one in value)
        and entropy(value) >= _BITS
    )


def is_chosen(value: str) -> bool:
    """Whether it looks like a password that somebody chose well: three kinds of characters."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    return (
        len(value) >= 8
        and not any(one.isspace() for one in value)
        and any(one.isdigit() for one in value)
        and sum(any(kind(one) for one in value) for kind in kinds) >= 3
    )


def entropy(text: str) -> float:
    """Shannon's, in bits for one character."""
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts) if text else 0.0


def _is_run(value: str) -> bool:
    lower = value.lower()
    return any(run in lower for run in _RUNS)
