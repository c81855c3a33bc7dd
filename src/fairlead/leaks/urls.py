"""Passwords in URLs (RFC 3986, 3.2.1)."""

import re
from collections.abc import Iterator

from fairlead.leaks.model import Leak
from fairlead.leaks.placeholders import is_placeholder

_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://"
    r"(?P<user>[^\s/:@\"'`<>]{0,80}):(?P<password>[^\s/@\"'`<>]{1,200})"
    r"@(?P<host>\[[0-9A-Fa-f:]{2,40}\]|[^\s/:?#\"'`<>@,;)\\]{1,200})"
)
# RFC 2606 and RFC 6761: names that lead nowhere, and the machine itself.
_NOWHERE = re.compile(
    r"(?:.*\.)?(?:localhost|test|invalid|local|internal|example(?:\.(?:com|org|net))?)"
    r"|127\.[0-9.]+|0\.0\.0\.0|\[::1?\]|(?:host|server|hostname|hostname\.tld|ip|domain)",
    re.IGNORECASE,
)
_COMMON = re.compile(
    r"postgres|passw?d?|password|pwd?|secret|root|admin|user|username|guest|test|mysql|redis|mongo"
    r"|rabbitmq|django|app|dev|name|token|[a-z]",
    re.IGNORECASE,
)


def url_passwords(text: str) -> Iterator[Leak]:
    """Every password in a URL that leads somewhere, but for those that nobody could mean."""
    for found in _URL.finditer(text) if "://" in text else ():
        user, password, host = found["user"], found["password"], found["host"]
        if _NOWHERE.fullmatch(host) or password == user or len(password) < 3:
            continue
        if _COMMON.fullmatch(password) or ("." not in host and len(password) < 8):
            continue
        if is_placeholder(password) or is_placeholder(host) or "{" in password or "$" in host:
            continue
        yield Leak(
            "url-password",
            "a password in a URL",
            password,
            found.start("password"),
            hint="change it there, and keep the URL with: fairlead secret set",
        )
