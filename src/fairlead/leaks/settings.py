"""Values that a name calls secret: in settings, in code, in documents of data.

A name alone proves nothing (``PASSWORD_FIELD = "password"``), nor does a value alone (a digest). So
both are asked for, and how much of the value depends on where it stands: code must draw it by
chance; a file of settings may have chosen it; a ``.env`` file has what it runs with.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import PurePosixPath

from fairlead.leaks.model import Leak
from fairlead.leaks.placeholders import is_chosen, is_drawn, is_placeholder

LONGEST = 1_000
"""Characters of a line of code. A longer one was made by a program: a minified script."""

_BEFORE, _AFTER = 100, 600  # characters of a longer line of data that are looked at


class Kind(IntEnum):
    """What is in a file: nothing that we read so, code, settings, or a ``.env``."""

    OTHER = 0
    CODE = 1
    SETTINGS = 2
    DOTENV = 3


_CODE = re.compile(
    r"\.(?:pyi?|[mc]?js|jsx|tsx?|vue|go|rb|php|java|kt|swift|rs|cs|scala|exs?|lua|pl|sh|bash|zsh|fish"
    r"|ps1|tf|gradle|groovy|[chm]|cpp|dart)",
    re.IGNORECASE,
)
_SETTINGS = re.compile(
    r"\.(?:json|ya?ml|toml|ini|cfg|conf|config|properties|xml|tfvars|plist|service|hcl|npmrc|pypirc"
    r"|dockercfg|env)",
    re.IGNORECASE,
)
_LOCKS = re.compile(r".*(?:[-.]lock|\.lock\.\w+|-lock\.(?:json|yaml))|go\.sum|npm-shrinkwrap\.json")
_TESTS = re.compile(
    r"(?:.*/)?(?:tests?|testing|testdata|__tests__|specs?|e2e|fixtures?|mocks?|examples?|samples?)/.*"
    r"|(?:.*/)?(?:test_[^/]*|[^/]*_test|[^/]*[.-](?:test|spec)|conftest)\.\w+",
    re.IGNORECASE,
)
_SAMPLE = re.compile(r".*\b(?:example|sample|template|tmpl|dist|test|default|schema)s?\b.*", re.I)
_DOTENV = re.compile(r"\.env(?:\..+|rc)?|.+\.env|\.flaskenv")

_CALLED = re.compile(  # how the name of a secret ends
    r"(?:secret|passw(?:or)?d|passphrase|pwd|token|credentials?|client_?key_?data"
    r"|(?:secret|api|access|private|auth|signing|encryption|master|service|account|shared|hmac"
    r"|storage|deploy|license|webhook|jwt|session|cookie|app|salt)_?key|key_?base"
    r"|_auth|dsn|salt)(?:_?(?:prod|production|staging|live|main|value|string|[0-9]))?\Z",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"passw|pwd|passphrase", re.IGNORECASE)
_NOT = re.compile(
    r"public|pub_?key|csrf|xsrf|next_?token|page_?token|cancel|tokenizer", re.IGNORECASE
)
_HINTS = re.compile(r"secret|passw|pwd|passphrase|token|credential|key|_auth|dsn|salt")

_IS = (
    r"[\"'\]]{0,2}(?:[ \t]{0,20}:[ \t]{0,4}[A-Za-z_][A-Za-z0-9_.\[\]]{0,40})?"  # a type
    r"[ \t]{0,20}(?::=|=>|=(?!=)|:(?!:))[ \t]{0,20}"
)
_QUOTE = r"[rbRB]?[\"'`]"
# What must follow the word, before the line is looked at whole: most words are no setting's.
_FOLLOWS = {
    Kind.CODE: re.compile(rf"[A-Za-z0-9_.-]{{0,80}}{_IS}{_QUOTE}"),
    Kind.SETTINGS: re.compile(rf"[A-Za-z0-9_.-]{{0,80}}{_IS}"),
    Kind.DOTENV: re.compile(rf"[A-Za-z0-9_.-]{{0,80}}{_IS}"),
}
_ASSIGNED = re.compile(
    rf"(?<![A-Za-z0-9_.-])(?P<name>[A-Za-z_][A-Za-z0-9_.-]{{2,80}}){_IS}"
    # Looked at, not taken: in f(a, key="…") the value of one may hold the next.
    rf"(?=(?P<quote>{_QUOTE})?(?P<value>[^\s\"'`][^\"'`\n]{{0,400}})(?P<end>[\"'`])?)"
)
_HINT = "take it out, make another one, and keep that with: fairlead secret set"


def kind_of(path: str) -> Kind:
    """What is in a file, by its path. Tests, samples and locks hold no settings of anybody's."""
    name = PurePosixPath(path).name
    if _LOCKS.fullmatch(name) or _TESTS.fullmatch(path) or _SAMPLE.fullmatch(name):
        return Kind.OTHER
    if _DOTENV.fullmatch(name):
        return Kind.DOTENV
    suffix = PurePosixPath(path).suffix or name
    if _CODE.fullmatch(suffix):
        return Kind.CODE
    return Kind.SETTINGS if _SETTINGS.fullmatch(suffix) else Kind.OTHER


def settings(text: str, kind: Kind) -> Iterator[Leak]:
    """Every secret that its name and its value tell, in a text of that kind."""
    if kind is Kind.OTHER:
        return
    for start, line in _lines(text, kind):
        for found in _ASSIGNED.finditer(line):
            value = _value(found, kind)
            if (
                value
                and _is_called_secret(found["name"])
                and _is_secret(found["name"], value, kind)
            ):
                what = f"{found['name']}, set to what looks like a secret"
                yield Leak("setting", what, value, start + found.start("value"), hint=_HINT)


def _lines(text: str, kind: Kind) -> Iterator[tuple[int, str]]:
    """The lines that have a word for a secret in them, with where they start.

    Of a long one, in a file of settings, what is about the word.
    """
    end = -1
    for found in _HINTS.finditer(text.lower()):
        if found.start() < end or not _FOLLOWS[kind].match(text, found.start()):
            continue
        start = text.rfind("\n", 0, found.start()) + 1
        end = text.find("\n", found.start())
        end = len(text) if end < 0 else end
        if end - start > LONGEST:
            if kind is Kind.CODE:
                continue
            start, end = max(start, found.start() - _BEFORE), min(end, found.start() + _AFTER)
        yield start, text[start:end]


def _value(found: re.Match[str], kind: Kind) -> str:
    """The value of an assignment; "" for an expression, or one that goes on elsewhere."""
    value, quote = found["value"], found["quote"]
    if quote:
        return value if found["end"] == quote[-1] else ""
    if kind is Kind.CODE or value[0] in "{[(":
        return ""
    return value.split(" #")[0].strip().rstrip(",;")


def _is_called_secret(name: str) -> bool:
    last = name.rpartition(".")[2].replace("-", "_")
    return _CALLED.search(last) is not None and not _NOT.search(name)


def _is_secret(name: str, value: str, kind: Kind) -> bool:
    if is_placeholder(value) or value.lower() in name.lower():
        return False
    if is_drawn(value):
        return True
    if kind is Kind.DOTENV:
        return len(value) >= 8 and not value.isalpha() and not any(map(str.isspace, value))
    return kind is Kind.SETTINGS and bool(_PASSWORD.search(name)) and is_chosen(value)
