"""Settings come from the environment; this reads them, and names the setting that is wrong."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def flag(name: str) -> bool:
    """True when the variable is 1, true, yes or on."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str) -> list[str]:
    """The comma-separated words of a variable."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def seconds(name: str, default: float) -> float:
    """A variable holding a number of seconds above zero."""
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ImproperlyConfigured(f"{name}: expected a number of seconds above 0, got {text!r}")
    return value


def database(url: str, base: Path) -> dict[str, Any]:
    """What Django's ``DATABASES`` wants, from ``sqlite:///path`` or ``postgres://…``.

    A relative SQLite path is taken from ``base``; an absolute one has four slashes.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(base / unquote(parts.path.removeprefix("/")))
    if parts.scheme in {"postgres", "postgresql"}:
        return _postgres(parts)
    raise ImproperlyConfigured(
        f"DATABASE_URL: expected sqlite:///path or postgres://…, got the scheme {parts.scheme!r}"
    )


def _postgres(parts: SplitResult) -> dict[str, Any]:
    # As libpq reads such a URL: what follows "?" are parameters, and host may be one of them.
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": options,
    }


def _sqlite(path: Path) -> dict[str, Any]:
    # WAL lets the site read while a worker writes; IMMEDIATE makes a second writer wait for
    # the first (up to the timeout) instead of failing half-way through its transaction.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 10,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def cache(url: str) -> dict[str, Any]:
    """What ``CACHES`` wants: Redis when given, this process's memory otherwise."""
    if url:
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
