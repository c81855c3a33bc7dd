"""What an app may be pulled from, read strictly, and how often. Pure.

What git takes for a URL can run a program (``ext::``), be an option (``--upload-pack=…``) or
hold a password: gitremote-helpers(7), git-fetch(1). Only four forms pass here, of plain
characters, and never with a credential.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

from fairlead.base.errors import UsageError
from fairlead.manifest.schema import BRANCH
from fairlead.source.model import Address, Source

LEAST = 15
"""Seconds between two looks: a forge is somebody else's machine."""

MOST = 86_400
"""Seconds between two looks, at most."""

SLOWEST = 900
"""Seconds to which looks at a source that fails are slowed down."""

LONGEST = 1_000
"""Characters of a URL."""

FORMS = "https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, file:///PATH"
_HINT = f"give one of {FORMS}"
_PLAIN = re.compile(r"[A-Za-z0-9._~/%+=,@:\[\]-]+")
_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_PORT = r"(?::(?P<port>[1-9][0-9]{0,4}))?"
_USER = r"(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@"
_PATH = r"(?P<path>/[A-Za-z0-9._~/%+=,@:-]+)"
_FORMS = {
    "https": re.compile(rf"https://{_HOST}{_PORT}{_PATH}"),
    "ssh": re.compile(rf"ssh://{_USER}{_HOST}{_PORT}{_PATH}"),
    "file": re.compile(rf"file://{_PATH}"),
    # As scp has it: no port, and what follows the colon is not "//" of some scheme.
    "scp": re.compile(rf"{_USER}(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?):"
                      r"(?P<path>(?!-|//|:)[A-Za-z0-9._~/%+=,@:-]+)"),
}  # fmt: skip
_PORTS = 65_535


def parse(text: str) -> Address:
    """The address that ``text`` is. Raises UsageError, which shows no password."""
    if _holds_credentials(text):
        what = "the URL holds a user or a password, and it would be shown and recorded"
        hint = "--new-key makes a deploy key: add it at the forge, and give USER@HOST:PATH"
        raise UsageError(what, hint)
    if len(text) > LONGEST or not _PLAIN.fullmatch(text):
        raise UsageError("the URL is too long, or has characters that none needs", _HINT)
    for form, pattern in _FORMS.items():
        found = pattern.fullmatch(text)
        if found:
            return _address(text, form, found.groupdict())
    raise UsageError(f"not a URL that is pulled from: {text!r}", _HINT)


def _holds_credentials(text: str) -> bool:
    """A password anywhere before an @, a user of https, or a query (which hold tokens)."""
    scheme, colon, rest = text.partition("://")
    if not colon:
        return False
    who, at, _ = rest.partition("/")[0].rpartition("@")
    if scheme.lower() == "ssh":
        return bool(at) and ":" in who
    return bool(at) or "?" in rest or "#" in rest


def _address(text: str, form: str, parts: dict[str, str | None]) -> Address:
    port = int(parts.get("port") or 0)
    if port > _PORTS:
        raise UsageError(f"not a port: {port}", _HINT)
    scheme = "ssh" if form == "scp" else form
    host = (parts.get("host") or "").strip("[]")
    return Address(text, scheme, host.lower(), port, parts.get("user") or "")


def checked(branches: Sequence[str], every: int) -> tuple[str, ...]:
    """The branches to follow, each once. Raises UsageError for one that git does not allow, and
    for looks (``every``, seconds) too close to each other or too far apart."""
    if not LEAST <= every <= MOST:
        what = f"every {every} s: a look may come every {LEAST} s to {MOST // 3600} h"
        raise UsageError(what, "--every 1m")
    wrong = [branch for branch in branches if not BRANCH.fits(branch)]
    if wrong or not branches:
        raise UsageError(f"not {BRANCH.expected}: {', '.join(wrong)!r}", "--branch main")
    return tuple(dict.fromkeys(branches))


def host_of(source: Source) -> tuple[str, str, int]:
    """Whom its host keys are of."""
    return (source.address.scheme, source.address.host, source.address.port)


def pause(source: Source) -> float:
    """The seconds until the next look, by how many have failed in a row."""
    if not source.failures:
        return float(source.every)
    slower = source.every * 2 ** min(source.failures - 1, 10)
    return float(max(min(slower, SLOWEST), source.every))


def fingerprint(line: str) -> str:
    """``SHA256:…`` of a line of known hosts, as ``ssh-keygen -l`` has it. Raises ValueError."""
    digest = hashlib.sha256(base64.b64decode(line.split()[2])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
