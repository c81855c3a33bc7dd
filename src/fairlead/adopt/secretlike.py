"""Whether a value is to be sealed, by its name and by its form: pure.

In doubt it is: a plain value that was sealed costs a look, a secret that was not costs the
secret. Forms: RFC 7468 (PEM), RFC 3986 (a password in a URL), and the prefixes by which
services mark their own tokens, as their documentation gives them.
"""

import math
import re
from collections import Counter

_NAME = re.compile(
    r"SECRET|PASSW|PASSPHRASE|PASS$|_PWD$|TOKEN|CREDENTIAL|DSN$|APIKEY|PRIVATE|SALT|SIGNING|WEBHOOK"
    r"|(?:^|_)KEY$|(?:^|_)KEYS$|ENCRYPT|(?:^|_)AUTH$|COOKIE",
    re.IGNORECASE,
)
_NOT_NAME = re.compile(
    r"PUBLIC|(?:_URL|_PATH|_FILE|_DIR|_AGE|_TTL|_NAME|_SECURE|_HTTPONLY|_SAMESITE|_HEADER|_DAYS"
    r"|_LIFETIME|_TIMEOUT|_VALIDATORS|_HASHERS|_RESET_\w+)$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@\s]*:[^/@\s]+@")
_FORMS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (_URL_PASSWORD, "a URL with a password"),
    (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[0-9a-f]{16,}@"), "a URL with a key"),
    (re.compile(r"(?:AKIA|ASIA)[0-9A-Z]{16}"), "an AWS key id"),
    (re.compile(r"gh[pousr]_[0-9A-Za-z]{20,}|github_pat_\w{20,}"), "a GitHub token"),
    (re.compile(r"glpat-[\w-]{16,}"), "a GitLab token"),
    (re.compile(r"[sr]k_(?:live|test)_[0-9A-Za-z]{10,}"), "a Stripe key"),
    (re.compile(r"xox[abeprs]-[\w-]{10,}"), "a Slack token"),
    (re.compile(r"SG\.[\w-]{16,}\.[\w-]{16,}"), "a SendGrid key"),
    (re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\."), "a signed token"),
)
_WORD = r"(?:[a-z]{1,20}|[A-Z]{1,20}|[A-Z][a-z]{1,20})"
_HOST = r"(?:[\w-]+@)?\.?(?:[a-z0-9-]{1,40}\.)+[a-z]{2,12}(?::\d+)?"
_PLAIN = re.compile(
    rf"{_WORD}(?:[\s._,:/@*-]+{_WORD})*|{_HOST}(?:\s*[,;]\s*{_HOST})*|[\d.,:/\s-]+"
    r"|[A-Za-z_]+(?:\.[A-Za-z_]+)+(?::[A-Za-z_]+)?"
)
_PATH = re.compile(r"(?:/|\./|\.\./)[\w./@+ ~-]*")
_DENSE = re.compile(r"[A-Za-z0-9+/=_!@#$%^&*().,;:?<>~-]{16,}")
_BITS = 3.2
"""Of Shannon's entropy per character: words of a language have less, drawn characters more."""


def why_secret(name: str, value: str) -> str:
    """Why the value is to be sealed, as a phrase; "" for a plain one."""
    form = form_of(value)
    if form:
        return f"its form: {form}"
    if not value:
        return ""
    if _NAME.search(name) and not _NOT_NAME.search(name):
        return "its name"
    if _drawn(value):
        return "its form: it looks drawn by chance"
    return ""


def form_of(value: str) -> str:
    """What a value is by its form alone; "" for nothing that is secret."""
    return next((what for pattern, what in _FORMS if pattern.search(value)), "")


def has_password(value: str) -> bool:
    """Whether it is a URL with a password in it."""
    return _URL_PASSWORD.search(value) is not None


def _drawn(value: str) -> bool:
    if _PATH.fullmatch(value) or not _DENSE.fullmatch(value) or "://" in value:
        return False
    kinds = sum(
        bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")
    )
    return not _PLAIN.fullmatch(value) and kinds >= 2 and _entropy(value) >= _BITS


def _entropy(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
