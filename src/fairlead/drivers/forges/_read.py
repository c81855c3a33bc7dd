"""Fields of what a forge answered, which may be anything."""

from typing import Any


def named(found: Any, key: str) -> str:
    """A name or number below a key, as text; "" for none."""
    value = found.get(key) if isinstance(found, dict) else None
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def text_of(found: Any, key: str) -> str:
    """A text below a key; "" for none."""
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
