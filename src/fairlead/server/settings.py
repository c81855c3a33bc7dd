"""``/etc/fairlead/server.toml``, read and written. Pure."""

import re
import tomllib
from collections.abc import Mapping

from fairlead.base.errors import UsageError
from fairlead.server.model import Settings

FILE = "/etc/fairlead/server.toml"
ALLOWED: Mapping[str, tuple[str, ...]] = {"runtime": ("systemd",), "proxy": ("nginx", "caddy")}

# A URL, an address and a path, each of one line that TOML needs no escape for.
FORMS: Mapping[str, tuple[str, str]] = {
    "acme_directory": (r"https://[^\s\"\\]+", "the https:// address of an ACME directory"),
    "acme_email": (r"|[^\s@\"\\]+@[^\s@\"\\]+", "an address of yours, or nothing"),
    "acme_root": (r"|/[^\x00-\x1f\"\\]+", "the path of a PEM file, or nothing"),
}


def parse(text: str, name: str = FILE) -> Settings:
    """The settings in a text. Raises UsageError, which names every mistake."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not TOML: {error}", f"edit {name}") from None
    wrong = [line for key, value in found.items() if (line := _wrong(key, value))]
    if wrong:
        raise UsageError("\n".join(f"{name}: {line}" for line in wrong), f"edit {name}")
    return Settings(**found)


def _wrong(key: str, value: object) -> str:
    if key in FORMS:
        form, expected = FORMS[key]
        fits = isinstance(value, str) and re.fullmatch(form, value)
        return "" if fits else f"{key}: expected {expected}, got {value!r}"
    allowed = ALLOWED.get(key)
    if allowed is None:
        return f"{key}: no such key; there is {', '.join([*ALLOWED, *FORMS])}"
    if value not in allowed:
        return f"{key}: expected {' or '.join(allowed)}, got {value!r}"
    return ""


def text_of(settings: Settings) -> str:
    """The file that says so."""
    return (
        "# Fairlead on this machine. Yours to edit; then: fairlead server install\n"
        f'runtime = "{settings.runtime}"\n'
        "# Who stands before the apps: nginx or caddy.\n"
        f'proxy = "{settings.proxy}"\n'
        "# Whom certificates are asked for, an email to give it, and a PEM file of whom to trust on\n"
        "# the way there (empty: whom the machine trusts).\n"
        f'acme_directory = "{settings.acme_directory}"\n'
        f'acme_email = "{settings.acme_email}"\n'
        f'acme_root = "{settings.acme_root}"\n'
    )
